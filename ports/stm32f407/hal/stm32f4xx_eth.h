// SPDX-License-Identifier: MIT
//
// Registers of the STM32F407's Ethernet MAC, MMC, PTP unit and DMA (RM0090 33.8), under CMSIS's names.
// tests/host/test_eth_registers.py compares names, offsets and bits with ST's SVD. Included by stm32f4xx.h.
#ifndef STM32F4XX_ETH_H
#define STM32F4XX_ETH_H

#include <stdint.h>

typedef struct {
    volatile uint32_t MACCR;        // 0x000 configuration
    volatile uint32_t MACFFR;       // 0x004 frame filter
    volatile uint32_t MACHTHR;      // 0x008 hash table, high
    volatile uint32_t MACHTLR;      // 0x00C hash table, low
    volatile uint32_t MACMIIAR;     // 0x010 MII address
    volatile uint32_t MACMIIDR;     // 0x014 MII data
    volatile uint32_t MACFCR;       // 0x018 flow control
    volatile uint32_t MACVLANTR;    // 0x01C VLAN tag
    uint32_t RESERVED0[2];
    volatile uint32_t MACRWUFFR;    // 0x028 wake-up frame filter
    volatile uint32_t MACPMTCSR;    // 0x02C power management
    uint32_t RESERVED1;
    volatile uint32_t MACDBGR;      // 0x034 debug
    volatile uint32_t MACSR;        // 0x038 interrupt status
    volatile uint32_t MACIMR;       // 0x03C interrupt mask
    volatile uint32_t MACA0HR;      // 0x040 address 0
    volatile uint32_t MACA0LR;      // 0x044
    volatile uint32_t MACA1HR;      // 0x048 address 1
    volatile uint32_t MACA1LR;      // 0x04C
    volatile uint32_t MACA2HR;      // 0x050 address 2
    volatile uint32_t MACA2LR;      // 0x054
    volatile uint32_t MACA3HR;      // 0x058 address 3
    volatile uint32_t MACA3LR;      // 0x05C
    uint32_t RESERVED2[40];
    volatile uint32_t MMCCR;        // 0x100 counter control
    volatile uint32_t MMCRIR;       // 0x104 receive interrupt
    volatile uint32_t MMCTIR;       // 0x108 transmit interrupt
    volatile uint32_t MMCRIMR;      // 0x10C receive interrupt mask
    volatile uint32_t MMCTIMR;      // 0x110 transmit interrupt mask
    uint32_t RESERVED3[14];
    volatile uint32_t MMCTGFSCCR;   // 0x14C good frames sent after one collision
    volatile uint32_t MMCTGFMSCCR;  // 0x150 good frames sent after more than one
    uint32_t RESERVED4[5];
    volatile uint32_t MMCTGFCR;     // 0x168 good frames sent
    uint32_t RESERVED5[10];
    volatile uint32_t MMCRFCECR;    // 0x194 frames received with a CRC error
    volatile uint32_t MMCRFAECR;    // 0x198 frames received with an alignment error
    uint32_t RESERVED6[10];
    volatile uint32_t MMCRGUFCR;    // 0x1C4 good unicast frames received
    uint32_t RESERVED7[334];
    volatile uint32_t PTPTSCR;      // 0x700 time stamp control
    volatile uint32_t PTPSSIR;      // 0x704 subsecond increment
    volatile uint32_t PTPTSHR;      // 0x708 time, seconds
    volatile uint32_t PTPTSLR;      // 0x70C time, subseconds
    volatile uint32_t PTPTSHUR;     // 0x710 update, seconds
    volatile uint32_t PTPTSLUR;     // 0x714 update, subseconds
    volatile uint32_t PTPTSAR;      // 0x718 addend
    volatile uint32_t PTPTTHR;      // 0x71C target, seconds
    volatile uint32_t PTPTTLR;      // 0x720 target, subseconds
    uint32_t RESERVED8;
    volatile uint32_t PTPTSSR;      // 0x728 status
    volatile uint32_t PTPPPSCR;     // 0x72C PPS control
    uint32_t RESERVED9[564];
    volatile uint32_t DMABMR;       // 0x1000 bus mode
    volatile uint32_t DMATPDR;      // 0x1004 transmit poll demand
    volatile uint32_t DMARPDR;      // 0x1008 receive poll demand
    volatile uint32_t DMARDLAR;     // 0x100C receive list
    volatile uint32_t DMATDLAR;     // 0x1010 transmit list
    volatile uint32_t DMASR;        // 0x1014 status
    volatile uint32_t DMAOMR;       // 0x1018 operation mode
    volatile uint32_t DMAIER;       // 0x101C interrupt enable
    volatile uint32_t DMAMFBOCR;    // 0x1020 missed frames and overflows
    volatile uint32_t DMARSWTR;     // 0x1024 receive watchdog
    uint32_t RESERVED10[8];
    volatile uint32_t DMACHTDR;     // 0x1048 current transmit descriptor
    volatile uint32_t DMACHRDR;     // 0x104C current receive descriptor
    volatile uint32_t DMACHTBAR;    // 0x1050 current transmit buffer
    volatile uint32_t DMACHRBAR;    // 0x1054 current receive buffer
} ETH_TypeDef;

#define ETH_BASE                (0x40028000UL)
#define ETH                     ((ETH_TypeDef *)ETH_BASE)

// MACCR
#define ETH_MACCR_RE            (0x00000004UL)
#define ETH_MACCR_TE            (0x00000008UL)
#define ETH_MACCR_DC            (0x00000010UL)
#define ETH_MACCR_BL            (0x00000060UL)
#define ETH_MACCR_APCS          (0x00000080UL)
#define ETH_MACCR_RD            (0x00000200UL)
#define ETH_MACCR_IPCO          (0x00000400UL)
#define ETH_MACCR_DM            (0x00000800UL)
#define ETH_MACCR_LM            (0x00001000UL)
#define ETH_MACCR_ROD           (0x00002000UL)
#define ETH_MACCR_FES           (0x00004000UL)
#define ETH_MACCR_CSD           (0x00010000UL)
#define ETH_MACCR_IFG           (0x000E0000UL)
#define ETH_MACCR_JD            (0x00400000UL)
#define ETH_MACCR_WD            (0x00800000UL)
#define ETH_MACCR_CSTF          (0x02000000UL)

// MACFFR
#define ETH_MACFFR_PM           (0x00000001UL)
#define ETH_MACFFR_HU           (0x00000002UL)
#define ETH_MACFFR_HM           (0x00000004UL)
#define ETH_MACFFR_DAIF         (0x00000008UL)
#define ETH_MACFFR_PAM          (0x00000010UL) // RAM in the SVD
#define ETH_MACFFR_BFD          (0x00000020UL)
#define ETH_MACFFR_PCF          (0x000000C0UL)
#define ETH_MACFFR_SAIF         (0x00000100UL)
#define ETH_MACFFR_SAF          (0x00000200UL)
#define ETH_MACFFR_HPF          (0x00000400UL)
#define ETH_MACFFR_RA           (0x80000000UL)

// MACMIIAR, MACMIIDR
#define ETH_MACMIIAR_MB         (0x00000001UL)
#define ETH_MACMIIAR_MW         (0x00000002UL)
#define ETH_MACMIIAR_CR         (0x0000001CUL)
#define ETH_MACMIIAR_CR_Div42   (0x00000000UL) // HCLK 60-100 MHz
#define ETH_MACMIIAR_CR_Div62   (0x00000004UL) // HCLK 100-150 MHz
#define ETH_MACMIIAR_CR_Div16   (0x00000008UL) // HCLK 20-35 MHz
#define ETH_MACMIIAR_CR_Div26   (0x0000000CUL) // HCLK 35-60 MHz
#define ETH_MACMIIAR_CR_Div102  (0x00000010UL) // HCLK 150-168 MHz
#define ETH_MACMIIAR_MR         (0x000007C0UL)
#define ETH_MACMIIAR_MR_Pos     (6U)
#define ETH_MACMIIAR_PA         (0x0000F800UL)
#define ETH_MACMIIAR_PA_Pos     (11U)
#define ETH_MACMIIDR_MD         (0x0000FFFFUL)

// MACFCR
#define ETH_MACFCR_FCBBPA       (0x00000001UL)
#define ETH_MACFCR_TFCE         (0x00000002UL)
#define ETH_MACFCR_RFCE         (0x00000004UL)
#define ETH_MACFCR_UPFD         (0x00000008UL)
#define ETH_MACFCR_PLT          (0x00000030UL)
#define ETH_MACFCR_ZQPD         (0x00000080UL)
#define ETH_MACFCR_PT           (0xFFFF0000UL)

// MACVLANTR, MACPMTCSR
#define ETH_MACVLANTR_VLANTI    (0x0000FFFFUL)
#define ETH_MACVLANTR_VLANTC    (0x00010000UL)
#define ETH_MACPMTCSR_PD        (0x00000001UL)
#define ETH_MACPMTCSR_MPE       (0x00000002UL)
#define ETH_MACPMTCSR_WFE       (0x00000004UL)
#define ETH_MACPMTCSR_MPR       (0x00000020UL)
#define ETH_MACPMTCSR_WFR       (0x00000040UL)
#define ETH_MACPMTCSR_GU        (0x00000200UL)
#define ETH_MACPMTCSR_WFFRPR    (0x80000000UL)

// MACDBGR: RM0090 33.8.1; the SVD repeats MMCCR's fields there
#define ETH_MACDBGR_MMRPEA      (0x00000001UL)
#define ETH_MACDBGR_MSFRWCS     (0x00000006UL)
#define ETH_MACDBGR_RFWRA       (0x00000010UL)
#define ETH_MACDBGR_RFRCS       (0x00000060UL)
#define ETH_MACDBGR_RFFL        (0x00000300UL)
#define ETH_MACDBGR_MMTEA       (0x00010000UL)
#define ETH_MACDBGR_MTFCS       (0x00060000UL)
#define ETH_MACDBGR_MTP         (0x00080000UL)
#define ETH_MACDBGR_TFRS        (0x00300000UL)
#define ETH_MACDBGR_TFWA        (0x00400000UL)
#define ETH_MACDBGR_TFNE        (0x01000000UL)
#define ETH_MACDBGR_TFF         (0x02000000UL)

// MACSR, MACIMR
#define ETH_MACSR_PMTS          (0x00000008UL)
#define ETH_MACSR_MMCS          (0x00000010UL)
#define ETH_MACSR_MMCRS         (0x00000020UL)
#define ETH_MACSR_MMCTS         (0x00000040UL)
#define ETH_MACSR_TSTS          (0x00000200UL)
#define ETH_MACIMR_PMTIM        (0x00000008UL)
#define ETH_MACIMR_TSTIM        (0x00000200UL)

// MAC addresses
#define ETH_MACA0HR_MO          (0x80000000UL)
#define ETH_MACA0HR_MACA0H      (0x0000FFFFUL)
#define ETH_MACA1HR_AE          (0x80000000UL)
#define ETH_MACA1HR_SA          (0x40000000UL)
#define ETH_MACA1HR_MBC         (0x3F000000UL)
#define ETH_MACA1HR_MACA1H      (0x0000FFFFUL)

// MMC
#define ETH_MMCCR_CR            (0x00000001UL)
#define ETH_MMCCR_CSR           (0x00000002UL)
#define ETH_MMCCR_ROR           (0x00000004UL)
#define ETH_MMCCR_MCF           (0x00000008UL)
#define ETH_MMCCR_MCP           (0x00000010UL)
#define ETH_MMCCR_MCFHP         (0x00000020UL)
#define ETH_MMCRIR_RFCES        (0x00000020UL)
#define ETH_MMCRIR_RFAES        (0x00000040UL)
#define ETH_MMCRIR_RGUFS        (0x00020000UL)
#define ETH_MMCTIR_TGFSCS       (0x00004000UL)
#define ETH_MMCTIR_TGFMSCS      (0x00008000UL)
#define ETH_MMCTIR_TGFS         (0x00200000UL)
#define ETH_MMCRIMR_RFCEM       (0x00000020UL)
#define ETH_MMCRIMR_RFAEM       (0x00000040UL)
#define ETH_MMCRIMR_RGUFM       (0x00020000UL)
#define ETH_MMCTIMR_TGFSCM      (0x00004000UL)
#define ETH_MMCTIMR_TGFMSCM     (0x00008000UL)
#define ETH_MMCTIMR_TGFM        (0x00200000UL) // RM0090; the SVD says bit 16

// PTP
#define ETH_PTPTSCR_TSE         (0x00000001UL)
#define ETH_PTPTSCR_TSFCU       (0x00000002UL)
#define ETH_PTPTSCR_TSSTI       (0x00000004UL)
#define ETH_PTPTSCR_TSSTU       (0x00000008UL)
#define ETH_PTPTSCR_TSITE       (0x00000010UL)
#define ETH_PTPTSCR_TSARU       (0x00000020UL) // TTSARU in the SVD
#define ETH_PTPTSCR_TSSARFE     (0x00000100UL)
#define ETH_PTPTSCR_TSSSR       (0x00000200UL)
#define ETH_PTPTSCR_TSPTPPSV2E  (0x00000400UL)
#define ETH_PTPTSCR_TSSPTPOEFE  (0x00000800UL)
#define ETH_PTPTSCR_TSSIPV6FE   (0x00001000UL)
#define ETH_PTPTSCR_TSSIPV4FE   (0x00002000UL)
#define ETH_PTPTSCR_TSSEME      (0x00004000UL)
#define ETH_PTPTSCR_TSSMRME     (0x00008000UL)
#define ETH_PTPTSCR_TSCNT       (0x00030000UL)
#define ETH_PTPTSCR_TSPFFMAE    (0x00040000UL)
#define ETH_PTPSSIR_STSSI       (0x000000FFUL)
#define ETH_PTPTSLR_STSS        (0x7FFFFFFFUL)
#define ETH_PTPTSLR_STPNS       (0x80000000UL)
#define ETH_PTPTSLUR_TSUSS      (0x7FFFFFFFUL)
#define ETH_PTPTSLUR_TSUPNS     (0x80000000UL)
#define ETH_PTPTSSR_TSSO        (0x00000001UL)
#define ETH_PTPTSSR_TSTTR       (0x00000002UL)

// DMABMR
#define ETH_DMABMR_SR           (0x00000001UL)
#define ETH_DMABMR_DA           (0x00000002UL)
#define ETH_DMABMR_DSL          (0x0000007CUL)
#define ETH_DMABMR_EDE          (0x00000080UL) // EDFE in RM0090 and the SVD
#define ETH_DMABMR_PBL          (0x00003F00UL)
#define ETH_DMABMR_PBL_Pos      (8U)
#define ETH_DMABMR_RTPR         (0x0000C000UL)
#define ETH_DMABMR_FB           (0x00010000UL)
#define ETH_DMABMR_RDP          (0x007E0000UL)
#define ETH_DMABMR_RDP_Pos      (17U)
#define ETH_DMABMR_USP          (0x00800000UL)
#define ETH_DMABMR_FPM          (0x01000000UL)
#define ETH_DMABMR_AAB          (0x02000000UL)
#define ETH_DMABMR_MB           (0x04000000UL)

// DMASR
#define ETH_DMASR_TS            (0x00000001UL)
#define ETH_DMASR_TPSS          (0x00000002UL)
#define ETH_DMASR_TBUS          (0x00000004UL)
#define ETH_DMASR_TJTS          (0x00000008UL)
#define ETH_DMASR_ROS           (0x00000010UL)
#define ETH_DMASR_TUS           (0x00000020UL)
#define ETH_DMASR_RS            (0x00000040UL)
#define ETH_DMASR_RBUS          (0x00000080UL)
#define ETH_DMASR_RPSS          (0x00000100UL)
#define ETH_DMASR_RWTS          (0x00000200UL) // PWTS in the SVD
#define ETH_DMASR_ETS           (0x00000400UL)
#define ETH_DMASR_FBES          (0x00002000UL)
#define ETH_DMASR_ERS           (0x00004000UL)
#define ETH_DMASR_AIS           (0x00008000UL)
#define ETH_DMASR_NIS           (0x00010000UL)
#define ETH_DMASR_RPS           (0x000E0000UL)
#define ETH_DMASR_RPS_Pos       (17U)
#define ETH_DMASR_TPS           (0x00700000UL)
#define ETH_DMASR_TPS_Pos       (20U)
#define ETH_DMASR_EBS           (0x03800000UL)
#define ETH_DMASR_MMCS          (0x08000000UL)
#define ETH_DMASR_PMTS          (0x10000000UL)
#define ETH_DMASR_TSTS          (0x20000000UL)

// DMAOMR
#define ETH_DMAOMR_SR           (0x00000002UL)
#define ETH_DMAOMR_OSF          (0x00000004UL)
#define ETH_DMAOMR_RTC          (0x00000018UL)
#define ETH_DMAOMR_FUGF         (0x00000040UL)
#define ETH_DMAOMR_FEF          (0x00000080UL)
#define ETH_DMAOMR_ST           (0x00002000UL)
#define ETH_DMAOMR_TTC          (0x0001C000UL)
#define ETH_DMAOMR_FTF          (0x00100000UL)
#define ETH_DMAOMR_TSF          (0x00200000UL)
#define ETH_DMAOMR_DFRF         (0x01000000UL)
#define ETH_DMAOMR_RSF          (0x02000000UL)
#define ETH_DMAOMR_DTCEFD       (0x04000000UL)

// DMAIER
#define ETH_DMAIER_TIE          (0x00000001UL)
#define ETH_DMAIER_TPSIE        (0x00000002UL)
#define ETH_DMAIER_TBUIE        (0x00000004UL)
#define ETH_DMAIER_TJTIE        (0x00000008UL)
#define ETH_DMAIER_ROIE         (0x00000010UL)
#define ETH_DMAIER_TUIE         (0x00000020UL)
#define ETH_DMAIER_RIE          (0x00000040UL)
#define ETH_DMAIER_RBUIE        (0x00000080UL)
#define ETH_DMAIER_RPSIE        (0x00000100UL)
#define ETH_DMAIER_RWTIE        (0x00000200UL)
#define ETH_DMAIER_ETIE         (0x00000400UL)
#define ETH_DMAIER_FBEIE        (0x00002000UL)
#define ETH_DMAIER_ERIE         (0x00004000UL)
#define ETH_DMAIER_AISE         (0x00008000UL)
#define ETH_DMAIER_NISE         (0x00010000UL)

// DMAMFBOCR
#define ETH_DMAMFBOCR_MFC       (0x0000FFFFUL)
#define ETH_DMAMFBOCR_OMFC      (0x00010000UL)
#define ETH_DMAMFBOCR_MFA       (0x0FFE0000UL)
#define ETH_DMAMFBOCR_MFA_Pos   (17U)
#define ETH_DMAMFBOCR_OFOC      (0x10000000UL)

#endif
