"""The tools of an office, for `asyncfc run`: each run has an office of its own, in memory, so that it can be repeated.

asyncfc run "Tell Anna the weather in Oslo on Monday." --tools models/tiny-futures/office.py --base-url URL

If ASYNCFC_OFFICE_DB names a file, what they book and send is kept there, and later runs find it.
"""

import os

from asyncfc_sim.workloads.office.office import Office
from asyncfc_sim.workloads.office.tools import office_tools

_OFFICE = Office(os.environ.get("ASYNCFC_OFFICE_DB") or ":memory:")

find_user, get_weather, get_schedule, book_room, send_message, convert = office_tools(_OFFICE)
