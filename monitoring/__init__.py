"""What people look at to know how it goes: dashboard, alerts, metrics. Reads the other rooms; none reads it."""
