# SPDX-License-Identifier: MIT
# What every board's image carries as frozen bytecode.
include("$(MPY_DIR)/extmod/asyncio")
module("_boot.py")
package("lwip")
module("onewire.py")
module("ds18x20.py")
module("neopixel.py")
module("dht.py")
