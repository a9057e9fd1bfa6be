"""The tools of an office, for `asyncfc run`: what they book and send is kept in `office.db`, in the folder they run in.

asyncfc run "Tell Anna the weather in Oslo on Monday." --tools models/tiny-futures/office.py --base-url URL
"""

from pathlib import Path

from asyncfc_sim.workloads.office.office import Office, office_file
from asyncfc_sim.workloads.office.tools import office_tools

find_user, get_weather, get_schedule, book_room, send_message, convert = office_tools(Office(office_file(Path())))
