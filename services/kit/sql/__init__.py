"""The database: transactions, column types, migrations, lease, outbox and inbox."""
