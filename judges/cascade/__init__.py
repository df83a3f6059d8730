"""Two judges in turn: the lexical one decides what it may, a model the rest."""
