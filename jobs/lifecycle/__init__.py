"""Every change of state of jobs, batches and images: one named function each.

            submit                dispatch                 begin
    job ──▶ queued batch (fetch) ─────────▶ dispatched ─────────▶ running
              ▲      ▲                                              │
              │      └────────── release · recover · refetch ───────┤
              │                                                     │
              └── queued batch (caption) ◀── prepared ──────────────┤
                                                                    ▼
    job ended ◀────────────────── last image ended ◀────────── finish: finished

A change is one guarded statement (`UPDATE … WHERE id AND state AND attempt`) in
one transaction; a caller that comes too late is told so and has changed nothing.
Locks are taken in one order, so no two transactions wait for each other: the
job's row, then its batches by id, then its images. What skips that order
(`dispatch`, `begin_next`) never waits for a row that is locked.
"""

from jobs.lifecycle.begin import begin as begin
from jobs.lifecycle.begin import begin_next as begin_next
from jobs.lifecycle.begin import renew as renew
from jobs.lifecycle.closing import closable as closable
from jobs.lifecycle.closing import closed as closed
from jobs.lifecycle.commands import cancel as cancel
from jobs.lifecycle.commands import delete as delete
from jobs.lifecycle.commands import expire as expire
from jobs.lifecycle.dispatch import dispatch as dispatch
from jobs.lifecycle.dispatch import lost_hints as lost_hints
from jobs.lifecycle.dispatch import waiting_hints as waiting_hints
from jobs.lifecycle.finish import finish as finish
from jobs.lifecycle.plan import Candidate as Candidate
from jobs.lifecycle.plan import plan_round as plan_round
from jobs.lifecycle.prepare import prepared as prepared
from jobs.lifecycle.release import recover as recover
from jobs.lifecycle.release import refetch as refetch
from jobs.lifecycle.release import release as release
from jobs.lifecycle.retry import retry_failed as retry_failed
from jobs.lifecycle.submit import submit as submit
