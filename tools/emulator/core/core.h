// SPDX-License-Identifier: MIT
// The emulated core round Unicorn: what QEMU's Cortex-M4 leaves out, and the loop that runs it.
//
// Differs from silicon:
// - An interrupt is taken at a block boundary (a branch, ISB, CPS, MSR, SVC end a block), so at most one
//   straight run of code later than a real core would take it. Counts are exact in straight code.
// - A change of CCR counts from the next block on.
// - FP state is stacked at exception entry, never lazily: FPCCR.LSPACT always reads 0. FPDSCR counts as 0.
// - A store that nothing answers is a precise BusFault (silicon: imprecise, some instructions later).
// - LDM/STM/LDRD/STRD/VLDR on unaligned addresses fault only with CCR.UNALIGN_TRP.
// - MRS of BASEPRI shows the low four bits as they were written; they count for nothing.
// - Every instruction takes the same number of cycles (a rational, default 3/2).
#ifndef EMULATOR_CORE_H
#define EMULATOR_CORE_H

#include <stdbool.h>
#include <stdint.h>
#include <unicorn/unicorn.h>

#define EXCEPTIONS (16 + 96)
#define EXC_WORDS ((EXCEPTIONS + 31) / 32)
#define STM32F407_IRQS 82
#define COPY_FUNCTIONS 4
#define WATCHPOINTS 16

enum {
    EXC_RESET = 1,
    EXC_NMI = 2,
    EXC_HARDFAULT = 3,
    EXC_MEMMANAGE = 4,
    EXC_BUSFAULT = 5,
    EXC_USAGEFAULT = 6,
    EXC_SVCALL = 11,
    EXC_DEBUGMON = 12,
    EXC_PENDSV = 14,
    EXC_SYSTICK = 15,
};

// Why core_run() came back.
enum {
    RUN_DEADLINE = 0, // the caller's deadline was reached
    RUN_STOPPED,      // core_stop()
    RUN_ERROR,        // a callback flagged an error; PC is at the access
    RUN_SLEEP,        // asleep, and `hold_sleep` says the caller moves the time
    RUN_STUCK,        // asleep, and nothing is scheduled that could wake it
    RUN_LOCKUP,       // fault at HardFault priority or above
    RUN_RESET,        // AIRCR.SYSRESETREQ
    RUN_BREAK,        // breakpoint, or BKPT without a debugger that takes it
    RUN_STEP,         // one instruction done
    RUN_WATCH,        // about to make an access that is watched
    RUN_BROKEN,       // Unicorn returned an error that has no meaning here
    RUN_DEEP,         // WFI or WFE with SCR.SLEEPDEEP: the clocks stop
    RUN_WAKE,         // out of that: nothing runs before the caller has started the clocks
};

// What a bus callback left for the core to do after it.
enum {
    BUS_OK = 0,
    BUS_FAULT = 1,
    BUS_ERROR = 2
};

typedef uint32_t (*bus_read_t)(uint32_t address, uint32_t width);
typedef void (*bus_write_t)(uint32_t address, uint32_t value, uint32_t width);
typedef void (*report_t)(const char *text);
typedef void (*trace_t)(uint32_t kind, uint32_t a, uint32_t b);
typedef void (*store_seen_t)(uint32_t address, uint32_t size, uint32_t value);

typedef struct {
    uint16_t size;  // of the block in bytes; 0: not seen
    uint16_t count; // instructions, with BLOCK_* flags
} block_t;

#define CONTROL_NPRIV 1u
#define CONTROL_SPSEL 2u
#define CONTROL_FPCA 4u

#define BLOCK_COUNT 0x1FFF
#define BLOCK_FP 0x8000
#define BLOCK_SEV 0x4000
#define BLOCK_DIV 0x2000

typedef struct {
    uint32_t base;
    uint32_t size;
    uint8_t *host;
} memory_t;

// Where QEMU keeps what the public API gives out slowly or not at all (found at start-up, see env.c).
typedef struct {
    void *cpu;
    uint8_t *env;
    uint32_t regs, condexec, syndrome, control, fpca, primask, basepri, faultmask, vfp, exclusive;
    uint32_t mpu_ctrl, pmsav7; // pmsav7: three pointers to arrays by region
    uint32_t mem_io_pc; // in cpu
} engine_t;

typedef struct core {
    // Shared with cpu.py by offset: keep the order.
    uint64_t icount; // instructions retired, the block being executed included
    uint64_t limit;  // looked at before each block: at icount >= limit the run is interrupted
    uint64_t deadline_ns;
    uint64_t idle_ns; // spent asleep or stalled
    uint32_t bus_result;
    uint32_t hold_sleep;
    uint32_t lockup_pc;
    uint32_t last_exception; // the last one taken
    uint64_t exceptions_taken;
    uint64_t now_ns;    // core_now(), where now_valid says that it has not moved since
    uint32_t now_valid; // between runs, and during a bus access

    uc_engine *uc;
    engine_t engine;
    bus_read_t bus_read;
    bus_write_t bus_write;
    report_t report;
    trace_t trace;

    // Memory
    memory_t memory[8];
    int memories;
    uint8_t *code_page; // one byte per 4 KB page of the address space: code was run from it
    block_t *flash_blocks;
    uint64_t *profile; // executions by halfword of flash, then of SRAM, or NULL
    uint32_t copy_functions[COPY_FUNCTIONS]; // memcpy and its like: entries whose third argument is summed
    uint32_t copy_least; // copies of fewer bytes are not counted
    uint64_t copied_bytes;
    uint8_t *store_words; // one byte per word of SRAM: its stores are told of, or NULL
    store_seen_t store_seen;
    uint32_t boot_alias; // bytes at address 0
    uint8_t *alias_host;

    // Time: cycles since power-on, ns since power-on, both anchored at an instruction count
    uint64_t base_icount, base_cycles, base_ns, base_frac;
    uint32_t hz, cpi_num, cpi_den;
    uint64_t active_base; // CYCCNT's offset against active cycles
    uint64_t stalled_cycles; // in which the core was held up, clocked: CYCCNT counts them
    uint64_t stall_until;

    // The run in hand
    uint32_t block_pc;
    uint64_t block_icount; // before the block
    volatile bool in_bus;
    bool bus_pc_known;
    uint32_t bus_pc;
    bool stop;
    bool running_code; // inside uc_emu_start()
    bool left; // the hook before a block ended the run
    int stop_reason;
    int interrupt; // QEMU exception number from the INTR hook, or -1
    uint32_t fault_address;
    bool invalid_access;
    uint32_t invalid_type, invalid_address, invalid_size;
    uint64_t invalid_value;
    bool sleeping;
    bool deep; // the core's clock stands still
    bool event; // WFE's event register
    bool nocp;
    uint32_t *breakpoints;
    int breakpoint_count;
    bool debugged;
    uint32_t skip_breakpoint; // address that is passed once; 1: none
    bool stepping, step_from_seen;
    uc_hook watch_hooks[WATCHPOINTS];
    int watch_count;
    uint32_t watch_address; // the access that ended the run, where RUN_WATCH was its reason
    bool block_size_cut; // stopped before an instruction inside a block
    uc_hook code_hook;
    uint32_t block_ahead; // size of the block that was not entered
    bool traps_passed; // the block is gone through by traps.c
    bool unaligned;
    bool ccr_changed;
    uc_hook access_hook;
    bool sleep_for_event;
    int last_error;
    bool reset_requested;

    // Exceptions
    uint32_t enabled[EXC_WORDS], pending[EXC_WORDS], active[EXC_WORDS], line[EXC_WORDS];
    uint8_t priority[EXCEPTIONS];
    int best;          // pending and enabled exception of highest priority, 0: none
    int best_priority; // its group priority
    int running;       // group priority of the active exceptions (256: none), masks left out

    // System control
    uint32_t vtor, prigroup, scr, ccr, shcsr, cfsr, hfsr, dfsr, mmfar, bfar, afsr, cpacr, actlr, demcr;
    uint32_t fpccr, fpcar, fpdscr;
    uint32_t mpu_ctrl, mpu_rnr, mpu_rbar[8], mpu_rasr[8];
    bool mpu_applied;  // the guest's regions count now
    uint8_t sram_code; // bit per 16 KB of SRAM that code was fetched from
    uint32_t dwt_ctrl, dwt_other[32];
    uint32_t st_ctrl, st_load;
    uint64_t st_zero; // SysTick tick at which the counter reaches zero next
    uint32_t st_frozen;
} core_t;

// env.c
bool engine_open(core_t *core);
uint32_t engine_pc_in_bus(core_t *core);
void engine_abort_access(core_t *core) __attribute__((noreturn));
void engine_leave(core_t *core) __attribute__((noreturn));
uint32_t reg_get(core_t *core, int reg);
void reg_set(core_t *core, int reg, uint32_t value);
static inline uint32_t *env_word(core_t *core, uint32_t offset) {
    return (uint32_t *)(core->engine.env + offset);
}
static inline uint32_t *env_reg(core_t *core, int number) {
    return env_word(core, core->engine.regs) + number;
}
void env_changed(core_t *core);

// time.c
uint64_t core_icount_now(core_t *core);
uint64_t core_now(core_t *core);
uint64_t core_cycles(core_t *core);
uint64_t core_active_cycles(core_t *core);
uint64_t icount_at_ns(core_t *core, uint64_t ns);
uint64_t icount_at_cycle(core_t *core, uint64_t cycle);
uint64_t ns_at_cycle(core_t *core, uint64_t cycle);
void time_skip_to(core_t *core, uint64_t ns);
void update_limit(core_t *core);

// systick.c
uint32_t systick_read(core_t *core, uint32_t offset);
void systick_write(core_t *core, uint32_t offset, uint32_t value);
void systick_run(core_t *core);
uint64_t systick_next_cycle(core_t *core);
void systick_reset(core_t *core);

// exec.c
void deep_sleep(core_t *core);

// exceptions.c
void exceptions_reset(core_t *core);
void exceptions_update(core_t *core);
bool exception_ready(core_t *core);
void exception_pend(core_t *core, int number, bool set);
void exception_take_pending(core_t *core);
void exception_enter(core_t *core, int number);
void exception_return(core_t *core, uint32_t exc_return);
void exception_fault(core_t *core, int number, uint32_t cfsr_bit);
int execution_priority(core_t *core);
bool sleep_would_wake(core_t *core);

// mpu.c
uint32_t mpu_read(core_t *core, uint32_t offset);
void mpu_write(core_t *core, uint32_t offset, uint32_t value);
void mpu_update(core_t *core);
void mpu_reset(core_t *core);
bool mpu_forbids_code(core_t *core, uint32_t address);
bool mpu_open_code(core_t *core, uint32_t address);
bool mpu_allows(core_t *core, uint32_t address, bool write, bool privileged);
bool mpu_privileged(core_t *core);

// scs.c
uint32_t scs_read(core_t *core, uint32_t address, uint32_t width);
void scs_write(core_t *core, uint32_t address, uint32_t value, uint32_t width);
void scs_reset(core_t *core);

// nvic.c
bool nvic_read(core_t *core, uint32_t offset, uint32_t *value);
bool nvic_write(core_t *core, uint32_t offset, uint32_t value, uint32_t lanes);

// memory.c
bool memory_open(core_t *core);
uint8_t *memory_host(core_t *core, uint32_t address, uint32_t size);
void memory_written(core_t *core, uint32_t address, uint32_t size);
bool memory_load32(core_t *core, uint32_t address, uint32_t *value);
bool memory_store32(core_t *core, uint32_t address, uint32_t value);
bool memory_allow_code(core_t *core, uint32_t address);
block_t *block_find(core_t *core, uint32_t address, uint32_t size, block_t *scratch);

// What is known of the block at `address`.
static inline block_t *block_lookup(core_t *core, uint32_t address, uint32_t size, block_t *scratch) {
    uint32_t offset = address - 0x08000000u;
    if (offset < 0x100000 && core->flash_blocks[offset >> 1].size == size) {
        return &core->flash_blocks[offset >> 1];
    }
    return block_find(core, address, size, scratch);
}

uint32_t block_index(core_t *core, uint32_t from, uint32_t to);

// traps.c
bool is_fpu(uint16_t first, uint16_t second);
bool is_division(uint16_t first, uint16_t second);
bool trap_ahead(core_t *core, uint32_t flags);
void trap_run(core_t *core, uint32_t size);
void trap_configure(core_t *core);
void trap_unaligned(core_t *core);

// store.c
bool store_emulate(core_t *core);
bool store_misjudged(core_t *core);

// bus.c
bool bus_open(core_t *core);

#define BIT_SET(words, n) ((words)[(n) >> 5] |= 1u << ((n) & 31))
#define BIT_CLEAR(words, n) ((words)[(n) >> 5] &= ~(1u << ((n) & 31)))
#define BIT_TEST(words, n) (((words)[(n) >> 5] >> ((n) & 31)) & 1)

#endif
