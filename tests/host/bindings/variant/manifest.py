# SPDX-License-Identifier: MIT
include("$(MPY_DIR)/extmod/asyncio")
package("lwip", base_path="$(MODULES_DIR)")
