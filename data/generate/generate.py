"""Write the reference data anew: `python data/generate/generate.py [FOLDER]`; without one, into `data/`."""

import sys
import tempfile
from pathlib import Path

import codes
import network
import places
from tables import write


def main(target: Path) -> None:
    settlements = places.settlements()
    write(target / "regions.csv", places.regions())
    write(target / "settlements.csv", settlements)
    write(target / "icd10.csv", codes.icd10())
    write(target / "diagnoses.csv", codes.diagnoses())
    write(target / "centers.csv", network.centers(settlements))
    write(target / "programmes.csv", network.programmes())
    with tempfile.TemporaryDirectory() as scratch:
        places.write_boundaries(target / "boundaries.geojson", Path(scratch))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent)
