# SPDX-License-Identifier: MIT
#
# USB: TinyUSB's device stack on OTG_FS with the CDC serial port of the REPL. A fragment of the port's Makefile.

INC += -Iusb -I$(TINYUSB_DIR)/src

SRC_PORT_C += $(addprefix usb/,\
	usb.c \
	usb_cdc.c \
	usb_descriptors.c \
	)

TINYUSB_O += $(addprefix $(BUILD)/tinyusb/src/,\
	class/cdc/cdc_device.o \
	common/tusb_fifo.o \
	device/usbd.o \
	device/usbd_control.o \
	portable/synopsys/dwc2/dcd_dwc2.o \
	portable/synopsys/dwc2/dwc2_common.o \
	tusb.o \
	)
