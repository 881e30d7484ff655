# Liên Thông: mọi lệnh thường dùng / every everyday command. `make` prints them.

VENV ?= .venv
ARGS ?=
SECONDS_OF_FUZZ ?= 60
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-input --no-warn-script-location --root-user-action=ignore
LOCK := uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-annotate --custom-compile-command "make lock"
FUZZ := formats xmldsig xades wsse jws asic pdf tsr x509 ocsp
FAST := $(wildcard tests/unit tests/storage tests/adapters tests/security tests/console)
# What `make check` leaves to `make test`: the simulator's own tests, floods, and signatures, made by the thousand.
SLOW := tests/adapters/test_sandbox_* tests/adapters/test_edxml_roundtrip.py tests/adapters/test_edxml_memory.py \
        tests/security/test_any_bytes.py tests/security/test_hostile_* tests/unit/test_confined.py \
        $(foreach form,asic cms jws keys pades timestamp trust wssecurity xades xmldsig,tests/*/test_$(form)_*)

.DEFAULT_GOAL := help
.PHONY: help demo test test-long check fuzz bench docs lock clean

help: ## In danh sách lệnh / Print these commands
	@awk -F ':[^#]*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.run ## Xem "Một ngày ở tỉnh" (ARGS=--once để tự kiểm tra) / Watch a day in the province (ARGS=--once checks itself)
	@$(BIN)/lienthong demo $(ARGS)

test: $(VENV)/.test ## Chạy mọi kiểm thử, trừ loại kéo dài / Run every test but the long ones
	@$(BIN)/pytest -m "not long" $(ARGS)

test-long: $(VENV)/.test ## Kiểm thử kéo dài: kill -9, quá tải / Long tests: kill -9, floods
	@$(BIN)/pytest -m long $(ARGS)

check: $(VENV)/.test ## Kiểm tra nhanh trước khi gửi mã: ruff, mypy, phân tầng, kiểm thử nhanh / Quick checks before a change is sent
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet --output-format=concise .
	@$(BIN)/mypy
	@$(BIN)/lint-imports > $(VENV)/lint-imports.txt || { cat $(VENV)/lint-imports.txt; exit 1; }
	@$(BIN)/pytest -m "not long" --hypothesis-profile quick $(SLOW:%=--ignore-glob="%") $(FAST) $(ARGS)

fuzz: $(VENV)/.fuzz ## Tìm dữ liệu đánh lừa bộ đọc, bộ kiểm chữ ký (SECONDS_OF_FUZZ=60) / Search for bytes that break a parser or a verdict
	@for target in $(FUZZ); do \
	    echo "== $$target"; \
	    $(BIN)/python tests/fuzz/fuzz.py $$target -max_total_time=$$(($(SECONDS_OF_FUZZ) / $(words $(FUZZ)) + 1)) -timeout=10 -rss_limit_mb=1024 $(ARGS) || exit 1; \
	done

bench: $(VENV)/.run ## Đo tốc độ trên máy này / Measure this machine
	@$(BIN)/lienthong bench $(ARGS)
	@$(BIN)/python tests/benchmarks/bench_dead_destination.py
	@$(BIN)/python tests/benchmarks/bench_signatures.py

docs: $(VENV)/.run ## Sinh lại docs/errors.md / Write docs/errors.md anew
	@$(BIN)/python docs/errors_page.py
	@$(BIN)/python docs/vxp_codes_page.py

lock: ## Khóa lại phiên bản thư viện (cần uv) / Pin the dependencies anew (needs uv)
	@command -v uv > /dev/null || { echo "Cần cài uv trước / uv is needed: https://docs.astral.sh/uv/" >&2; exit 1; }
	@$(LOCK) pyproject.toml requirements/run.in -o requirements/run.lock
	@$(LOCK) pyproject.toml requirements/test.in -o requirements/test.lock
	@$(LOCK) requirements/fuzz.in -o requirements/fuzz.lock

clean: ## Xóa môi trường và bộ đệm, không đụng đến dữ liệu / Remove environment and caches, never data
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find adapters gateway sandbox schemas tests docs -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: an installation is repeated only when a lock or pyproject.toml is newer than it.

$(VENV)/.run: requirements/run.lock pyproject.toml | $(BIN)/python
	@echo "Cài đặt thư viện, chỉ lần đầu / Installing dependencies, the first time only" >&2
	@$(PIP) --require-hashes --only-binary :all: -r requirements/run.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test: requirements/test.lock pyproject.toml | $(BIN)/python
	@echo "Cài đặt thư viện và công cụ kiểm thử, chỉ lần đầu / Installing dependencies and test tools, the first time only" >&2
	@$(PIP) --require-hashes --only-binary :all: -r requirements/test.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.run

$(VENV)/.fuzz: requirements/fuzz.lock | $(VENV)/.test
	@$(PIP) --require-hashes --only-binary :all: -r requirements/fuzz.lock
	@touch $@

$(BIN)/python:
	@for python in python3.13 python3.12 python3.11 python3; do \
	    $$python -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || continue; \
	    $$python -m venv $(VENV) && exit 0; \
	    rm -rf $(VENV); \
	done; \
	echo "Cần Python 3.11 trở lên kèm venv (Debian/Ubuntu: apt install python3 python3-venv)" >&2; \
	echo "Python 3.11 or newer with venv is needed (Debian/Ubuntu: apt install python3 python3-venv)" >&2; \
	exit 1
