"""The history of the referral database's tables."""

from services.kit.migrations import History
from services.kit.settings import CHECKOUT

HISTORY = History(CHECKOUT / "deploy" / "migrations" / "referral", head="0004", lock=0x6A_6F_6C_02)
