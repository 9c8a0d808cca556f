WITH unapproved AS (
  SELECT a.event_id, a.tenant_id, a.store_id, a.event_us, a.total_minor
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  WHERE NOT a.training AND NOT a.test AND a.supervisor_id IS NULL AND a.total_minor >= p.smallest_minor
),
approvals AS (
  SELECT u.event_id, n.supervisor_id, row_number() OVER (PARTITION BY u.event_id ORDER BY n.event_us DESC, n.event_id) AS nth
  FROM unapproved u
  JOIN pos n ON n.tenant_id = u.tenant_id AND n.store_id = u.store_id AND n.supervisor_id IS NOT NULL
            AND n.event_us BETWEEN u.event_us - 86400000000 AND u.event_us AND NOT n.training AND NOT n.test
)
SELECT u.event_id AS anchor_id,
       CASE WHEN n.event_id IS NULL THEN 'indeterminate' ELSE 'fired' END AS outcome,
       CASE WHEN n.event_id IS NULL THEN 'missing_supervisor_id' ELSE 'unapproved' END AS why,
       u.total_minor AS amount_minor, n.supervisor_id AS last_approver
FROM unapproved u
LEFT JOIN approvals n ON n.event_id = u.event_id AND n.nth = 1
