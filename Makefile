help:
	@echo leadstream
