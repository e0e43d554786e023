# SPDX-License-Identifier: MIT
"""Humidity and temperature sensors DHT11 and DHT22 (AM2302), by machine.dht_readinto()."""

from machine import dht_readinto


class DHTBase:
    """measure(), then temperature() in degrees Celsius and humidity() in per cent."""

    def __init__(self, pin):
        self.pin = pin
        self.buf = bytearray(5)

    def measure(self):
        """Ask the sensor: OSError(ETIMEDOUT) without an answer, Exception for a damaged one."""
        buf = self.buf
        dht_readinto(self.pin, buf)
        if sum(buf[:4]) & 0xFF != buf[4]:
            raise Exception("checksum error")


class DHT11(DHTBase):
    def humidity(self):
        return self.buf[0]

    def temperature(self):
        return self.buf[2]


class DHT22(DHTBase):
    def humidity(self):
        return (self.buf[0] << 8 | self.buf[1]) / 10

    def temperature(self):
        value = ((self.buf[2] & 0x7F) << 8 | self.buf[3]) / 10
        return -value if self.buf[2] & 0x80 else value
