"""What personal data may be processed for here: a closed list (LGPD, Law 13.709/2018, art. 6 I)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class LawfulPurpose(StrEnum):
    """Why a feature may look at what it looks at; a use that is none of these is not declared."""

    FRAUD_PREVENTION = "fraud_prevention"
    ACCESS_SECURITY = "access_security"


#: Each purpose as it is told, with what permits it.
STATED: Final[Mapping[LawfulPurpose, str]] = {
    LawfulPurpose.FRAUD_PREVENTION: (
        "to judge, before money moves, whether a Pix is a fraud: a participant's duty under the "
        "rules of Pix (Res. BCB 1/2020) and a legitimate interest (LGPD, art. 7 II and IX)"
    ),
    LawfulPurpose.ACCESS_SECURITY: (
        "to see whether it is the customer who uses the account: log-ins, devices and credentials "
        "(LGPD, art. 7 II and IX, art. 46)"
    ),
}
