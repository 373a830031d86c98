"""The history of the intake database's tables."""

from services.kit.settings import CHECKOUT
from services.kit.sql.migrations import History

HISTORY = History(CHECKOUT / "deploy" / "migrations" / "intake", head="0003", lock=0x6A_6F_6C_01)
