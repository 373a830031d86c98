"""The bare part of intake: a FastAPI POST with one commit, on the same database settings."""

import sys
from uuid import uuid4

import uvicorn
from fastapi import FastAPI
from sqlalchemy import Column, LargeBinary, MetaData, String, Table, insert

from services.contracts.submissions import DiagnosisSubmission
from services.kit.sql.database import Database


def build(url: str) -> FastAPI:
    """One route: parse the body, insert one row, commit."""
    metadata, database, app = MetaData(), Database(url), FastAPI()
    table = Table("bare", metadata, Column("id", String(36), primary_key=True), Column("body", LargeBinary))
    metadata.create_all(database.engine)

    @app.post("/v1/bare", status_code=201)
    async def submit(body: DiagnosisSubmission) -> dict[str, str]:
        row = {"id": str(uuid4()), "body": body.model_dump_json().encode()}
        await database.write(lambda session: session.execute(insert(table), row))
        return {"id": row["id"]}  # type: ignore[dict-item]

    return app


if __name__ == "__main__":
    uvicorn.run(build(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
