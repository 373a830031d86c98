"""CSV on POST /v1/diagnoses/bulk, on a real database."""

import csv
import io

import httpx2
import orjson
import pytest

from services.contracts.submissions import CSV_COLUMNS
from services.intake.bootstrap import Intake
from tests.integration.intake.bulk_files import CSV, csv_file, csv_row, recorded


async def test_csv_columns_may_be_in_any_order(polyclinic: httpx2.AsyncClient, intake: Intake) -> None:
    rows = [csv_row(1), csv_row(2, full_name='Бала, "Екінші"'), csv_row(3, guardian_phone="8", modalities="bed;bed")]
    content = b"\xef\xbb\xbf" + csv_file(rows, reversed(CSV_COLUMNS))
    answer = await polyclinic.post("/v1/diagnoses/bulk", content=content, headers=CSV)
    results = [orjson.loads(line) for line in answer.content.splitlines()]
    assert [(one["line"], one["status"]) for one in results] == [(2, 201), (3, 201), (4, 422)]
    assert {error["field"] for error in results[2]["errors"]} == {"guardian_phone", "modalities"}
    read = (await polyclinic.get(f"/v1/diagnoses/{results[1]['referral_id']}")).json()
    assert (read["child"]["full_name"], read["max_distance_km"]) == ('Бала, "Екінші"', 600.0)
    assert read["modalities"] == ["inpatient", "day_stay"]


@pytest.mark.parametrize("delimiter", [";", "\t", ","])
async def test_a_csv_is_read_as_spreadsheets_save_it(
    polyclinic: httpx2.AsyncClient, intake: Intake, delimiter: str
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    rows = [list(csv_row(n).values()) for n in range(3)]
    header = [column.upper().replace("_", " ") for column in CSV_COLUMNS]
    empty = ["", "\u00a0", *[""] * 12]
    writer.writerows(
        [
            empty,
            [*header, "", ""],
            empty,
            [*rows[0], "", ""],
            rows[1][:-1],
            [*rows[1], ""],
            empty,
            [*rows[2], "", "", ""],
        ]
    )
    answer = await polyclinic.post("/v1/diagnoses/bulk", content=b"\xef\xbb\xbf" + out.getvalue().encode(), headers=CSV)
    results = [orjson.loads(line) for line in answer.content.splitlines()]
    assert [(one["line"], one["status"], one.get("detail")) for one in results] == [
        (4, 201, None),
        (5, 422, "line: has 11 cells, not 14: compare it with the first line of the file"),
        (6, 201, None),
        (8, 201, None),
    ]
    assert await recorded(intake) == 3


async def test_a_broken_csv_row_is_refused_and_the_others_are_recorded(polyclinic: httpx2.AsyncClient) -> None:
    good = csv_file([csv_row(1)])
    content = good + b'"open,cell\n' + b"too,few\n" + b"\xff\xfe,x\n" + csv_file([csv_row(2)]).split(b"\n", 1)[1]
    answer = await polyclinic.post("/v1/diagnoses/bulk", content=content, headers=CSV)
    results = [orjson.loads(line) for line in answer.content.splitlines()]
    assert [one["status"] for one in results] == [201, 422, 422, 422, 201]
    assert [one["errors"][0]["code"] for one in results[1:4]] == ["open_quote", "wrong_cells", "wrong_cells"]


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ([c for c in CSV_COLUMNS if c != "sex"], "sex"),
        ([*CSV_COLUMNS, "iin_number"], "iin_number"),
        ([*CSV_COLUMNS, "sex"], "sex"),
        (["|".join(CSV_COLUMNS)], "header"),
    ],
)
async def test_a_wrong_header_refuses_the_file_and_names_the_column(
    polyclinic: httpx2.AsyncClient, intake: Intake, header: list[str], column: str
) -> None:
    content = ",".join(header).encode() + b"\n" + csv_file([csv_row(1)]).split(b"\n", 1)[1]
    answer = await polyclinic.post("/v1/diagnoses/bulk", content=content, headers=CSV)
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_header")
    assert answer.json()["errors"][0]["field"].startswith(column)
    assert await recorded(intake) == 0


async def test_a_file_without_a_header_is_refused_and_none_of_its_data_is_repeated(
    polyclinic: httpx2.AsyncClient,
) -> None:
    for iin in (csv_row(1)["iin"], ""):
        for name in (csv_row(1)["full_name"], "Aisha"):
            content = csv_file([csv_row(1) | {"iin": iin, "full_name": name}]).split(b"\n", 1)[1]
            answer = await polyclinic.post("/v1/diagnoses/bulk", content=content, headers=CSV)
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "header")
            assert "iin, full_name" in answer.json()["detail"]
            for cell in filter(None, content.decode().strip().split(",")):
                assert cell.lower() not in answer.text.lower().replace(", ".join(CSV_COLUMNS), "")
