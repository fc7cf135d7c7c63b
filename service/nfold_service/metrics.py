"""What the service counts and measures, for Prometheus; a registry of its own, so that nothing foreign appears in it."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest

from nfold.versions import nfold_version
from nfold_service.store.figures import JobFigures

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REQUEST_S: Final = (0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600)
_STORE_S: Final = (0.0005, 0.002, 0.01, 0.05, 0.2, 1, 5)
_JOB_S: Final = (1, 5, 20, 60, 300, 1_200, 3_600, 14_400)
_STATES: Final = (
    "queued",
    "running",
    "publishing",
    "succeeded",
    "succeeded_with_errors",
    "failed",
    "cancelled",
    "expired",
)


class Metrics:
    """Counters that parts of the service raise, and gauges that are read when somebody asks."""

    def __init__(self) -> None:
        self.registry = ours = CollectorRegistry()
        Info("nfold_build", "Version of nfold.", registry=ours).info({"version": nfold_version()})
        self._requests = Counter(
            "nfold_requests",
            "Requests answered, by route and status; 0 was cut.",
            ("method", "route", "status"),
            registry=ours,
        )
        self._request_s = Histogram(
            "nfold_request_seconds",
            "From the head of a request to the end of its answer.",
            ("route",),
            buckets=_REQUEST_S,
            registry=ours,
        )
        self.received = Counter("nfold_received_bytes", "Bytes of request bodies.", registry=ours)
        self.replayed = Counter("nfold_replayed_answers", "Answers given again to an Idempotency-Key.", registry=ours)
        self._uploads = Gauge("nfold_uploads_open", "Uploads going on.", registry=ours)
        self._jobs = Gauge("nfold_jobs", "Jobs that are known, by state.", ("state",), registry=ours)
        self._queue_age = Gauge("nfold_queue_age_seconds", "How long the oldest waiting job waits.", registry=ours)
        self._job_s = Histogram(
            "nfold_job_seconds",
            "From the last start of a job to its end.",
            ("kind", "state"),
            buckets=_JOB_S,
            registry=ours,
        )
        self._images = Counter("nfold_images_written", "Images that jobs have written.", registry=ours)
        self.worker_deaths = Counter(
            "nfold_worker_deaths", "Worker processes that ended without a word.", registry=ours
        )
        self._crew_waiting = Gauge("nfold_crew_waiting", "Short pieces of work that wait for a worker.", registry=ours)
        self.store_s = Histogram(
            "nfold_store_seconds", "A transaction of the job store, with its wait.", buckets=_STORE_S, registry=ours
        )
        self._disk_free = Gauge("nfold_disk_free_bytes", "Free bytes where the data folder lies.", registry=ours)
        self._jobs_at_work = Gauge("nfold_jobs_at_work", "Jobs that this process carries out.", registry=ours)

    def observe_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request is over; status 0 when nobody waited for the answer."""
        # Names that callers choose are no labels: a million of them would be a million rows.
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._request_s.labels(route).observe(seconds)

    def observe_job(self, kind: str, state: str, seconds: float, images: int) -> None:
        """A job has ended."""
        self._job_s.labels(kind, state).observe(seconds)
        self._images.inc(images)

    def text(self, *, jobs: JobFigures, uploads: int, crew_waiting: int, jobs_at_work: int, disk_free: int) -> bytes:
        """Everything, as Prometheus reads it; what is given is as it stands now."""
        for state in _STATES:
            self._jobs.labels(state).set(jobs.counts.get(state, 0))
        self._queue_age.set(jobs.queue_age_s)
        self._uploads.set(uploads)
        self._crew_waiting.set(crew_waiting)
        self._jobs_at_work.set(jobs_at_work)
        self._disk_free.set(disk_free)
        return generate_latest(self.registry)
