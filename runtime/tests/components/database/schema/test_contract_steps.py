"""Operations that the previous release does not survive need a comment."""

import pytest

from firstlight.components.database.schema.contract_steps import findings

COLUMN = 'sa.Column("owner", sa.Text, nullable=False'
REQUIRED = "adds a column that is NOT NULL without a default in the database"


@pytest.mark.parametrize(
    ("code", "done"),
    [
        ('op.drop_column("links", "owner")', "drops a column"),
        ('batch_op.drop_column("owner")', "drops a column"),
        ('op.drop_table("links")', "drops a table"),
        ('op.rename_table("links", "urls")', "renames a table"),
        ('op.alter_column("links", "owner", new_column_name="user")', "renames a column"),
        ('op.alter_column("links", "owner", nullable=False)', "makes a column NOT NULL"),
        (
            'op.alter_column("links", "owner", existing_type=sa.Text(), type_=sa.Integer())',
            "changes the type of a column",
        ),
        (f'op.add_column("links", {COLUMN}))', REQUIRED),
        (f"batch_op.add_column({COLUMN}, default=''))", REQUIRED),
        ('op.execute("ALTER TABLE links drop  column owner")', "executes DROP COLUMN"),
        ('op.execute("ALTER TABLE links DROP owner")', "executes DROP"),
        ('op.execute("ALTER TABLE links RENAME owner TO user_name")', "executes RENAME"),
        ('op.execute("ALTER TABLE links ALTER COLUMN owner SET DATA TYPE bigint")', "executes TYPE"),
        ('op.execute(sa.text("ALTER TABLE links ALTER owner SET NOT NULL"))', "executes SET NOT NULL"),
    ],
)
def test_is_found_without_a_comment(code: str, done: str) -> None:
    """With its line. A comment on the line, or on the one above, says that it is meant."""
    assert list(findings(f"x = 1\n{code}\n")) == [(2, done)]
    assert list(findings(f"# contract: no release reads it since 1.4\n{code}\n")) == []
    assert list(findings(f"{code}  # contract: no release reads it since 1.4\n")) == []
    assert list(findings(f"# contract:\n{code}\n")) == [(2, done)]


@pytest.mark.parametrize(
    "code",
    [
        'op.create_table("links", sa.Column("id", sa.Integer, nullable=False))',
        f"op.add_column(\"links\", {COLUMN}, server_default=''))",
        'op.add_column("links", sa.Column("owner", sa.Text, nullable=True))',
        'op.alter_column("links", "owner", nullable=True)',
        'op.drop_index("ix_links_slug")',
        'op.execute("UPDATE links SET owner = slug")',
        'op.execute("ALTER TABLE links ADD COLUMN type text")',
        'op.execute("ALTER TABLE links ALTER owner DROP DEFAULT, DROP CONSTRAINT one")',
        'op.alter_column("links", "owner", existing_type=sa.Text(), server_default="")',
    ],
)
def test_what_expands_is_not_found(code: str) -> None:
    """The previous release runs on."""
    assert list(findings(code)) == []
