# Aliases for those who have make; ./run does the work.
.PHONY: run test doctor
run:
	@./run
test:
	@./run test
doctor:
	@./run doctor
