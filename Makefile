# Partner Insights. `make demo` shows the product, `make cluster` several servers on one PostgreSQL, `make test` runs the
# tests, `make test-long` those that take minutes or measure, `make fuzz` looks for inputs that break it; each installs what
# it needs on Debian 12.

.PHONY: demo cluster test test-long fuzz build install bench format clean

demo:
	@Tests/Demo/demo.sh

cluster:
	@Tests/Demo/cluster.sh

test:
	@Tests/run.sh

test-long:
	@Tests/long.sh

fuzz:
	@Tests/install.sh demo
	@Tests/Fuzzing/run.sh

build:
	@Tests/install.sh build
	@Tests/build.sh

install:
	@Tests/install.sh

bench: install
	@Tests/Benchmarks/run.sh

format:
	@swift format --in-place --recursive Package.swift Sources Tests

clean:
	@rm -rf .build .build-* .demo .venv
