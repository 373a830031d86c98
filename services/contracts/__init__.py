"""Event and API types shared between services. Imports pydantic and the standard library only."""
