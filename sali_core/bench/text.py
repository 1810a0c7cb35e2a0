"""A report as lines for people."""

from __future__ import annotations

from sali_core.bench.results import BenchReport, EngineReport, StageReport


def report_lines(report: BenchReport) -> list[str]:
    """Return the lines; the last one says what the machine is good for."""
    machine = report.machine
    flags = " ".join(flag for flag in machine.cpu_flags if flag.startswith(("amx", "avx512")))
    lines = [
        f"{report.weights}: {report.topology}, {report.backbone}, {report.input_size} px; "
        f"bank of {report.bank} frames, one written every {report.write_every_frames}",
        f"{machine.gpu or machine.cpu}, {machine.cores} cores {flags}".rstrip(),
        f"device: {report.limits.matrix_tflops:g} Tflop/s in {report.limits.precision} products, "
        f"{report.limits.bandwidth_gbs:g} GB/s copied",
    ]
    if machine.load_before is not None and machine.load_before > 0.5 * machine.cores:
        lines.append(
            f"the machine was busy (load {machine.load_before:g}): times are longer than its own"
        )
    if report.stages:
        lines += ["", *_stage_lines(report.stages)]
    lines += ["", *_engine_lines(report)]
    lines += [f"{failure.engine}: not measured: {failure.reason}" for failure in report.failures]
    lines += ["", *(_curve_line(engine) for engine in report.engines)]
    return [*lines, "", report.sentence]


def _stage_lines(stages: StageReport) -> list[str]:
    lines = ["stage (eager torch)  median ms     Gflop   Gflop/s"]
    for name, ms in stages.median_ms.items():
        giga = stages.operations[name] / 1e9
        lines.append(f"{name:<19} {ms:>10.2f} {giga:>9.3f} {giga / ms * 1e3:>9.1f}")
    giga = sum(stages.operations.values()) / 1e9
    ms = sum(stages.median_ms.values())
    lines.append(f"{'all':<19} {ms:>10.2f} {giga:>9.3f} {giga / ms * 1e3:>9.1f}")
    return lines


def _engine_lines(report: BenchReport) -> list[str]:
    lines = [
        "engine     precision  batch  memory   p50 ms   p99 ms  a frame  frames/s of matrix rate "
        "  max diff    Dice  start s"
    ]
    for engine in report.engines:
        share = "-" if engine.matrix_share is None else f"{100 * engine.matrix_share:.1f} %"
        for run in engine.runs:
            step = run.step
            lines.append(
                f"{engine.engine:<10} {engine.precision:<10} {run.batch:>5} {run.bank_frames:>7} "
                f"{step.p50_ms:>8.2f} "
                f"{step.p99_ms:>8.2f} {step.p50_ms / run.batch:>8.2f} "
                f"{1e3 * run.batch / step.p50_ms:>9.1f} {share:>14}  "
                f"{engine.max_difference:>9.1e} {engine.dice:>7.5f} {engine.start_s:>8.1f}"
            )
    return lines


def _curve_line(engine: EngineReport) -> str:
    """Step time against the bank's length and the stream's age."""
    run = engine.runs[0]
    points = list(run.by_bank)
    shown = [points[round(k * (len(points) - 1) / 4)] for k in range(5)] if points else []
    curve = ", ".join(f"{count}: {ms:.1f}" for count, ms in dict.fromkeys(shown))
    line = f"{engine.engine}: ms by memory frames {curve}"
    if run.age:
        age = run.age
        line += (
            f"; frame {age.early_frame}: {age.early_ms:.1f}, "
            f"frame {age.late_frame}: {age.late_ms:.1f}"
        )
    return line
