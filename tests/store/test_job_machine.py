"""Any order of events, dead attempts that write late included, leaves every job as the pure model says.

Invariants of RELIABILITY 1c: I2 one immutable end; I3 one unfenced attempt, as many rows as attempts; I4 nothing of a
dead attempt; I5 a success has one model; I6 nothing else has one; I7 crashes are bounded; I10 series without twins.
"""

from collections import defaultdict

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import select

from store.claims import Checkpoint, Fence, Outcome
from store.errors import IllegalMove, JobFinished, LeaseLost
from store.tables import AttemptRow, EventRow, JobRow, MetricPointRow, ModelRow
from tests.store.conftest import FAILURE, Toy
from tests.store.job_model import ENDED, Illegal, JobModel, Refused

SAME: dict[type[Exception], tuple[type[Exception], ...]] = {Refused: (LeaseLost,), Illegal: (IllegalMove, JobFinished)}
# few jobs, so that each of them lives through much
JOBS = 3
# which fence an attempt shows, counted back from the newest: most often the newest, sometimes that of a dead attempt
BACK = st.sampled_from([0, 0, 0, 0, 1, 2, 5])
# ends come from dead attempts more often than not: a job that lives long meets more
LATE = st.sampled_from([0, 1, 1, 2, 5])


def any_fence(rule_):
    return precondition(lambda machine: machine.fences)(rule_)


class JobMachine(RuleBasedStateMachine):
    def __init__(self, toy: Toy) -> None:
        super().__init__()
        self.toy = toy
        self.models: dict[str, JobModel] = {}
        self.fences: list[Fence] = []
        self.ends: dict[str, tuple[object, ...]] = {}

    @property
    def now(self):
        return self.toy.clock.time

    def both(self, imagine, do):
        """Do the same to the model and to the store; both must accept it, or both refuse it for the same reason."""
        try:
            imagine()
        except (Refused, Illegal) as refusal:
            try:
                do()
            except SAME[type(refusal)]:
                return False
            raise AssertionError(f"expected {type(refusal).__name__}, found that the store accepted it") from None
        do()
        return True

    def fence(self, back):
        return self.fences[-1 - back % len(self.fences)]

    def model_of(self, fence):
        return self.models[fence.job_id]

    @precondition(lambda machine: len(machine.models) < JOBS)
    @rule(priority=st.integers(0, 1))
    def submit(self, priority):
        job = self.toy.submit(priority=priority)
        self.models[job.id] = JobModel(job.id, priority)

    @precondition(lambda machine: machine.models)
    @rule(resume=st.booleans())
    def claim(self, resume):
        claim = self.toy.claim()
        waiting = [model for model in self.models.values() if model.waits(self.now)]
        if not waiting:
            assert claim is None
            return
        best = max(waiting, key=lambda model: model.priority)  # max keeps the first of equals, and ids come in order
        assert claim is not None
        assert claim.fence.job_id == best.job_id
        best.claim(claim.fence, self.now)
        assert claim.fence.attempt == len(best.fences)
        assert [checkpoint.step for checkpoint in claim.checkpoints] == best.checkpoints[::-1]
        if resume and best.checkpoints:
            best.resume(claim.fence, best.checkpoints[-1])
            self.toy.report(claim.fence, resumed_step=best.checkpoints[-1])
        self.fences.append(claim.fence)

    @any_fence
    @rule(back=BACK)
    def renew(self, back):
        fence = self.fence(back)
        self.both(lambda: self.model_of(fence).renew(fence, self.now), lambda: self.toy.renew(fence))

    @any_fence
    @rule(back=BACK, first=st.integers(1, 6), count=st.integers(1, 3))
    def measure(self, back, first, count):
        fence = self.fence(back)
        values = {step: float(100 * fence.attempt + step) for step in range(first, first + count)}
        points = [{"name": "loss", "task": None, "step": step, "value": value} for step, value in values.items()]
        self.both(lambda: self.model_of(fence).measure(fence, values), lambda: self.toy.report(fence, points=points))

    @any_fence
    @rule(back=BACK, step=st.integers(1, 8))
    def checkpoint(self, back, step):
        fence = self.fence(back)
        made = Checkpoint(step, f"{fence.attempt}-{step}.safetensors", "ab")
        self.both(lambda: self.model_of(fence).checkpoint(fence, step), lambda: self.toy.report(fence, checkpoint=made))

    @any_fence
    @rule(back=LATE, ending=st.sampled_from(ENDED))
    def finish(self, back, ending):
        fence = self.fence(back)
        error = FAILURE if ending == "failed" else None
        fruit = self.toy.success()
        outcome = Outcome(ending, error=error, model=fruit.model, result=fruit.result)
        self.both(lambda: self.model_of(fence).finish(fence, ending), lambda: self.toy.finish(fence, outcome))

    @any_fence
    @rule(back=BACK, outcome=st.sampled_from(["preempted", "lost", "lost"]))
    def release(self, back, outcome):
        fence = self.fence(back)

        def imagine():
            model = self.model_of(fence)
            model.show(fence)
            model.lose(self.now, outcome=outcome, crash=outcome == "lost")

        self.both(imagine, lambda: self.toy.release(fence, outcome=outcome))

    @precondition(lambda machine: machine.models)
    @rule(turn=st.integers(0, 3 * JOBS - 1), keep_best=st.booleans())
    def cancel(self, turn, keep_best):
        if turn >= JOBS:
            return  # two times in three nobody cancels: most jobs shall live long
        job_id, model = list(self.models.items())[turn % len(self.models)]
        self.both(lambda: model.cancel(keep_best=keep_best), lambda: self.toy.cancel(job_id, keep_best=keep_best))

    @any_fence
    @rule(seconds=st.sampled_from([0, 12, 36]))
    def rescue(self, seconds):
        self.toy.clock.advance(seconds)
        overdue = [model for model in self.models.values() if model.overdue(self.now)]
        for model in overdue:
            model.lose(self.now, outcome="lost", crash=True)
        assert sorted(map(str, self.toy.rescue())) == sorted(model.status for model in overdue)

    @any_fence
    @rule(seconds=st.sampled_from([1, 9, 12]))
    def advance(self, seconds):
        self.toy.clock.advance(seconds)

    @invariant()
    def the_store_agrees_with_the_model(self):
        if not self.models:
            return
        ours = list(self.models)
        with self.toy.database.reading() as session:
            rows = {row.id: row for row in session.execute(select(JobRow.__table__).where(JobRow.id.in_(ours)))}
            attempts, events = defaultdict(list), defaultdict(list)
            points: dict[str, dict[int, tuple[int, float]]] = defaultdict(dict)
            wanted = select(AttemptRow.__table__).where(AttemptRow.job_id.in_(ours)).order_by(AttemptRow.attempt)
            for row in session.execute(wanted):
                attempts[row.job_id].append((row.attempt, row.owner, row.outcome))
            for row in session.execute(
                select(EventRow.job_id, EventRow.seq, EventRow.type, EventRow.data)
                .where(EventRow.job_id.in_(ours))
                .order_by(EventRow.seq)
            ):
                events[row.job_id].append((row.seq, row.type, row.data))
            for row in session.execute(select(MetricPointRow.__table__).where(MetricPointRow.job_id.in_(ours))):
                assert row.step not in points[row.job_id]
                points[row.job_id][row.step] = (row.attempt, row.value)
            made = dict(session.execute(select(ModelRow.job_id, ModelRow.id).where(ModelRow.job_id.in_(ours))).all())
        for job_id, model in self.models.items():
            row = rows[job_id]
            assert (row.status, row.crash_count, row.attempt) == (model.status, model.crash_count, len(model.fences))
            assert row.crash_count <= 3
            expected = zip(model.fences, model.outcomes, strict=True)
            assert attempts[job_id] == [(fence.attempt, fence.owner, outcome) for fence, outcome in expected]
            assert row.lease_owner == (model.fences[-1].owner if model.expires_at else None)
            assert row.model_id == made.get(job_id)
            assert (row.model_id is not None) == model.has_model
            assert points[job_id] == model.points
            assert [seq for seq, _, _ in events[job_id]] == list(range(1, row.last_event + 1))
            assert [data["status"] for _, kind, data in events[job_id] if kind == "status"] == model.statuses
            if model.status in ENDED:
                assert self.ends.setdefault(job_id, tuple(row)) == tuple(row)


def test_any_order_of_events_leaves_every_job_as_the_model_says(toy):
    class Here(JobMachine):
        def __init__(self) -> None:
            super().__init__(Toy(toy.database, toy.clock))

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=30,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
