"""The history of the referral database's tables."""

from services.kit.settings import CHECKOUT
from services.kit.sql.migrations import History

HISTORY = History(CHECKOUT / "deploy" / "migrations" / "referral", head="0004", lock=0x6A_6F_6C_02)
