"""Schedules of the real scheduler, chosen one by one: is every one of them the same as running in order?"""
