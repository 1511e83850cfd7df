# `make` alone tells what there is.

CARGO ?= cargo
LAB := tests/lab

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup build test campaign fuzz check demo lab-up lab-down bench fmt clean

help: ## this list
	@if [ -t 1 ] && [ -z "$$NO_COLOR" ]; then b=$$(printf '\033[1m'); c=$$(printf '\033[36m'); o=$$(printf '\033[0m'); fi; \
	printf '\n%s\n\n' "$${b}bgctl$$o: blue/green deployments over SSH, Ansible-style"; \
	awk -F ':.*## ' -v c="$$c" -v o="$$o" '/^[a-z-]+:.*## /{ printf "  %smake %-9s%s %s\n", c, $$1, o, $$2 }' $(MAKEFILE_LIST); \
	printf '\n%s\n\n' "Start with $${b}make demo$$o. It needs Rust; on Debian and Ubuntu it installs the rest."

setup: ## install what is missing on this machine, saying what and why
	@scripts/setup

build: ## the release binary, target/release/bgctl
	$(CARGO) build --release --locked

demo: setup build ## real hosts, real traffic: deploy, switch, a broken release, rollback
	@$(LAB)/demo

# Tests on the labs mostly wait: there is room for one more at a time.
test: setup check lab-up ## every check and every test, those on real hosts included
	$(CARGO) nextest run --locked --no-fail-fast --test-threads $$(($$(nproc) + 1))

campaign: setup ## everything that can happen to a deploy, on real hosts, under load: ten to twenty minutes
	@$(LAB)/up --name pair5 --lbs 2
	$(CARGO) nextest run --locked --run-ignored only --no-capture -E 'test(campaign::whole)'

fuzz: setup ## all that is read from outside, changed at random ten million times: some minutes
	$(CARGO) nextest run --locked --cargo-profile fuzz --test fuzz --run-ignored only --no-capture -E 'test(whole)'

check: ## formatting, clippy, shellcheck, licences and sources
	$(CARGO) fmt --check
	rustfmt --check --edition 2024 --config-path rustfmt.toml $(LAB)/app/main.rs $(LAB)/load/main.rs
	$(CARGO) clippy --locked --all-targets -- -D warnings
	scripts/shellcheck
	scripts/deny

lab-up: ## bring the labs up: two with one load balancer, one with two; two app servers each; one host that is both
	@$(LAB)/up
	@$(LAB)/up --name twin6
	@$(LAB)/up --name pair5 --lbs 2
	@$(LAB)/up --name solo15 --solos 1

lab-down: ## take the labs down
	@$(LAB)/down
	@$(LAB)/down --name twin6
	@$(LAB)/down --name pair5
	@$(LAB)/down --name solo15

bench: setup ## round trips and wall time of plan and apply
	@$(LAB)/up
	$(CARGO) bench --locked --bench '*'

fmt: ## format the code
	$(CARGO) fmt
	rustfmt --edition 2024 --config-path rustfmt.toml $(LAB)/app/main.rs $(LAB)/load/main.rs

clean: ## remove everything this project made on this machine: builds, every lab, the images
	$(LAB)/down --all
	$(CARGO) clean
	rm -rf .cache
