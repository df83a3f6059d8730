"""The pieces between the refiner and LangChain; people import them from `citerefine.refiner.middleware`."""
