# Partner Insights. `make demo` shows the product, `make test` runs every test; both install what they need on Debian 12.

.PHONY: demo test build install bench format clean

demo:
	@Tests/Demo/demo.sh

test:
	@Tests/run.sh

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
