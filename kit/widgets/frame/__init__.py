"""The one form of all panels: base class, figures that follow a slider, tables, jobs, looks."""
