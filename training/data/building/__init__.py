"""Makes training rows: of questions (`build_rows`), and of the best of several answers (`choose_best`)."""
