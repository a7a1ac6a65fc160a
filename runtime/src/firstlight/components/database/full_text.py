"""Full-text search of PostgreSQL: the words of some columns, and the index that finds them.

    WORDS = document(links.c.slug, links.c.title)
    Index("ix_links_words", WORDS, postgresql_using="gin").ddl_if(dialect="postgresql")

`simple` is the configuration: it folds the letter case and does not stem, so it suits names in any language.
"""

from typing import Any

from sqlalchemy import ColumnElement, func, literal, text
from sqlalchemy.dialects.postgresql import TSVECTOR

# Constants of the text, not parameters: PostgreSQL uses an index only for the expression that it was made for.
CONFIGURATION = text("'simple'::regconfig")
_SPACE = text("' '")


def document(*columns: ColumnElement[str]) -> ColumnElement[Any]:
    """The words of columns without NULL. The index and the search must have the same columns in the same order."""
    joined = columns[0]
    for column in columns[1:]:
        joined = joined.concat(_SPACE).concat(column)
    return func.to_tsvector(CONFIGURATION, joined, type_=TSVECTOR)


def matches(words: ColumnElement[Any], wanted: str) -> ColumnElement[bool]:
    """Whether a document has the words that a person typed. It knows `or`, `-` before a word, and quotes."""
    found: ColumnElement[bool] = words.bool_op("@@")(func.websearch_to_tsquery(CONFIGURATION, literal(wanted)))
    return found
