# SPDX-License-Identifier: MIT
"""`make bench`: what the stack costs and how fast it is, in virtual time, against an ideal peer."""
