"""The event and API types that cross a border between services. Imports pydantic and the standard library only."""
