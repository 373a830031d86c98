"""The migrations of the referral database."""

from services.kit.settings import CHECKOUT
from services.kit.sql.migrations import History

HISTORY = History(CHECKOUT / "deploy" / "migrations" / "referral", head="0014", lock=0x6A_6F_6C_02)
