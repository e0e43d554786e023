// SPDX-License-Identifier: MIT
// The serial port's buffers between Python's tasks and the USB task. Each direction is a ring; the USB task
// is the only one that talks to TinyUSB, others ask it to by a deferred call.
#include <string.h>
#include "FreeRTOS.h"
#include "task.h"
#include "tusb.h"
#include "device/usbd_pvt.h"
#include "hal.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "usb_cdc.h"

#define RX_SIZE (512)
#define TX_SIZE (1024)
#define PACKET_SIZE (64)
// Frames between the port's opening and the first byte: until then a terminal that has just opened it may
// still echo what it gets (Linux's default for a tty).
#define OPEN_DELAY_FRAMES (16)

usb_cdc_stats_t usb_cdc_stats;

// Bytes are put at head and taken at tail; both count up and are reduced when they index.
typedef struct {
    uint8_t *buf;
    uint32_t size; // a power of two
    volatile uint32_t head;
    volatile uint32_t tail;
} ring_t;

static CCM_BSS uint8_t rx_buf[RX_SIZE];
static CCM_BSS uint8_t tx_buf[TX_SIZE];
static ring_t rx = { rx_buf, RX_SIZE, 0, 0 };
static ring_t tx = { tx_buf, TX_SIZE, 0, 0 };

// The packet that the rx ring has not taken in full: bytes held_pos up to held_len of it.
static CCM_BSS uint8_t held[PACKET_SIZE];
static volatile uint32_t held_len;
static volatile uint32_t held_pos;

static volatile int interrupt_char = -1;
static volatile bool started; // deferred calls are possible
static volatile bool rx_asked; // a deferred call is on its way
static volatile bool tx_asked;
static volatile bool tx_waited_for; // somebody waits for room in the tx ring
static volatile bool tx_stalled; // the host did not read for the whole of a time-out
static volatile uint32_t tx_progress; // counts packets handed to TinyUSB
static volatile uint32_t open_delay;

static uint32_t ring_used(const ring_t *ring) {
    return ring->head - ring->tail;
}

static uint32_t ring_free(const ring_t *ring) {
    return ring->size - ring_used(ring);
}

static uint32_t ring_put(ring_t *ring, const uint8_t *data, uint32_t len) {
    len = MIN(len, ring_free(ring));
    uint32_t at = ring->head & (ring->size - 1);
    uint32_t first = MIN(len, ring->size - at);
    memcpy(ring->buf + at, data, first);
    memcpy(ring->buf, data + first, len - first);
    ring->head += len;
    return len;
}

static uint32_t ring_take(ring_t *ring, uint8_t *data, uint32_t len) {
    len = MIN(len, ring_used(ring));
    uint32_t at = ring->tail & (ring->size - 1);
    uint32_t first = MIN(len, ring->size - at);
    memcpy(data, ring->buf + at, first);
    memcpy(data + first, ring->buf, len - first);
    ring->tail += len;
    return len;
}

// Works in tasks, in interrupts and before the scheduler runs.
#define RING_LOCK() uint32_t ring_state = portSET_INTERRUPT_MASK_FROM_ISR()
#define RING_UNLOCK() portCLEAR_INTERRUPT_MASK_FROM_ISR(ring_state)

// --- USB task ---

// Raises KeyboardInterrupt. What came before is dropped, as it would be in a terminal: it was meant for the
// program that is interrupted.
static void interrupt_python(uint32_t keep_from) {
    RING_LOCK();
    held_pos = keep_from;
    rx.tail = rx.head;
    RING_UNLOCK();
    usb_cdc_stats.interrupts++;
    mp_sched_keyboard_interrupt();
    mp_hal_wake();
}

// Looks through a new packet for the interrupt character.
static void find_interrupt(void) {
    int wanted = interrupt_char;
    if (wanted < 0) {
        return;
    }
    for (uint32_t i = held_len; i-- > held_pos;) {
        if (held[i] == wanted) {
            interrupt_python(i + 1);
            return;
        }
    }
}

// Moves what has arrived to the rx ring. What does not fit waits in `held` and in TinyUSB's FIFO, whose
// endpoint then refuses the host's next packet.
static void pump_rx(void *arg) {
    (void)arg;
    bool got = false;
    rx_asked = false;
    for (;;) {
        if (held_pos == held_len) {
            uint32_t len = tud_cdc_read(held, PACKET_SIZE);
            if (len == 0) {
                break;
            }
            held_pos = 0;
            held_len = len;
            usb_cdc_stats.rx_bytes += len;
            find_interrupt();
        }
        RING_LOCK();
        uint32_t moved = ring_put(&rx, held + held_pos, held_len - held_pos);
        held_pos += moved;
        RING_UNLOCK();
        got |= moved != 0;
        if (held_pos != held_len) {
            break;
        }
    }
    if (got) {
        mp_hal_wake();
    }
}

// Hands bytes of the tx ring to TinyUSB while the host has the port open.
static void pump_tx(void *arg) {
    (void)arg;
    tx_asked = false;
    if (!tud_cdc_connected() || open_delay != 0) {
        return;
    }
    bool moved = false;
    for (;;) {
        uint8_t packet[PACKET_SIZE];
        uint32_t room = MIN(tud_cdc_write_available(), sizeof(packet));
        RING_LOCK();
        uint32_t len = ring_take(&tx, packet, room);
        RING_UNLOCK();
        if (len == 0) {
            break;
        }
        tud_cdc_write(packet, len);
        usb_cdc_stats.tx_bytes += len;
        moved = true;
    }
    tud_cdc_write_flush();
    if (moved) {
        tx_progress++;
        tx_stalled = false;
        if (tx_waited_for) {
            tx_waited_for = false;
            mp_hal_wake();
        }
    }
}

void tud_cdc_rx_cb(uint8_t itf) {
    (void)itf;
    pump_rx(NULL);
}

void tud_cdc_tx_complete_cb(uint8_t itf) {
    (void)itf;
    pump_tx(NULL);
}

// A break interrupts as the character does. It comes over the control endpoint: also when the buffers are
// full of what no program reads, and Ctrl-C waits behind it in the host.
void tud_cdc_send_break_cb(uint8_t itf, uint16_t duration_ms) {
    (void)itf;
    if (duration_ms != 0 && interrupt_char >= 0) {
        tud_cdc_read_flush();
        interrupt_python(held_len);
    }
}

void tud_cdc_line_state_cb(uint8_t itf, bool dtr, bool rts) {
    (void)itf;
    (void)rts;
    if (dtr) {
        open_delay = OPEN_DELAY_FRAMES;
        tud_sof_cb_enable(true);
    } else {
        // Who waits for room waits no longer: from now on the newest bytes are kept.
        tx_stalled = false;
        mp_hal_wake();
    }
}

void tud_sof_cb(uint32_t frame) {
    (void)frame;
    if (open_delay != 0 && --open_delay == 0) {
        tud_sof_cb_enable(false);
        pump_tx(NULL);
    }
}

// The cable is out, or the host sleeps: nobody is to wait for it.
void tud_umount_cb(void) {
    mp_hal_wake();
}

void tud_suspend_cb(bool remote_wakeup_enabled) {
    (void)remote_wakeup_enabled;
    mp_hal_wake();
}

void tud_resume_cb(void) {
    pump_tx(NULL);
}

// --- Any task ---

static void ask(volatile bool *asked, osal_task_func_t function) {
    RING_LOCK();
    bool first = started && !*asked;
    *asked = true;
    RING_UNLOCK();
    if (first) {
        usbd_defer_func(function, NULL, xPortIsInsideInterrupt());
    } else if (!started) {
        *asked = false;
    }
}

bool usb_cdc_connected(void) {
    return started && tud_cdc_connected();
}

bool usb_cdc_readable(void) {
    return ring_used(&rx) != 0;
}

bool usb_cdc_writable(void) {
    return ring_free(&tx) != 0 || tx_stalled || !usb_cdc_connected();
}

size_t usb_cdc_read(uint8_t *buf, size_t len) {
    RING_LOCK();
    len = ring_take(&rx, buf, len);
    bool more = held_pos != held_len;
    RING_UNLOCK();
    if (more && ring_free(&rx) >= PACKET_SIZE) {
        ask(&rx_asked, pump_rx);
    }
    return len;
}

// Keeps the newest bytes: nobody has the port open.
static void write_keeping_newest(const uint8_t *buf, size_t len) {
    if (len > TX_SIZE) {
        usb_cdc_stats.tx_overwritten += len - TX_SIZE;
        buf += len - TX_SIZE;
        len = TX_SIZE;
    }
    RING_LOCK();
    if (ring_free(&tx) < len) {
        uint32_t lost = len - ring_free(&tx);
        tx.tail += lost;
        usb_cdc_stats.tx_overwritten += lost;
    }
    ring_put(&tx, buf, len);
    RING_UNLOCK();
}

// Waits until the tx ring has room. False when the host took nothing for timeout_ms.
static bool wait_for_room(uint32_t timeout_ms) {
    uint32_t progress = tx_progress;
    uint32_t start = mp_hal_ticks_ms();
    for (;;) {
        tx_waited_for = true;
        if (ring_free(&tx) != 0 || !usb_cdc_connected()) {
            return true;
        }
        if (progress != tx_progress) {
            progress = tx_progress;
            start = mp_hal_ticks_ms();
        }
        uint32_t waited = mp_hal_ticks_ms() - start;
        if (waited >= timeout_ms) {
            return false;
        }
        MICROPY_INTERNAL_WFE(timeout_ms - waited);
    }
}

size_t usb_cdc_write(const uint8_t *buf, size_t len, uint32_t timeout_ms) {
    size_t done = 0;
    if (xPortIsInsideInterrupt()) {
        timeout_ms = 0;
    }
    while (done < len) {
        if (!usb_cdc_connected()) {
            write_keeping_newest(buf + done, len - done);
            return len;
        }
        RING_LOCK();
        done += ring_put(&tx, buf + done, len - done);
        RING_UNLOCK();
        ask(&tx_asked, pump_tx);
        if (done == len || tx_stalled || timeout_ms == 0) {
            break;
        }
        if (!wait_for_room(timeout_ms)) {
            tx_stalled = true;
        }
    }
    usb_cdc_stats.tx_dropped += len - done;
    return done;
}

void usb_cdc_set_interrupt_char(int c) {
    interrupt_char = c;
}

void usb_cdc_init(void) {
    started = true;
}

void usb_cdc_deinit(void) {
    started = false;
}
