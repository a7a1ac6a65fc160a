"""Operations: one row for each method of a path. Routes, validation and documentation come from the same rows."""
