"""Under which criteria an incident is declared a major one, and how often those concerned are told how it stands."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MAJOR = "incident/MajorIncidentPolicy"
Criterion = Annotated[str, Field(min_length=1, max_length=200)]
Words = Annotated[str, Field(min_length=1, max_length=2000)]


class MajorIncidentPolicy(BaseModel):
    """`criteria` maps the name of each criterion to what it says (ISO/IEC 20000-2 8.2: defined beforehand)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    criteria: dict[Criterion, Words] = Field(min_length=1, max_length=50)
    update_every_minutes: int = Field(30, ge=1, le=10_080)


# In force until a policy is applied.
USUAL_MAJOR = MajorIncidentPolicy(
    criteria={
        "critical-service-down": "A service of criticality 1 cannot be used, or not as a whole.",
        "many-customers": "Several customers are hit, and no workaround is at hand.",
        "damage": "Safety, money or reputation are in danger beyond what an agreement covers.",
    }
)
