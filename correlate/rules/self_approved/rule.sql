WITH own AS (
  SELECT a.event_id, a.tenant_id, a.store_id, a.operator_id, a.event_us, a.total_minor, p.within_seconds
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  WHERE NOT a.training AND NOT a.test AND a.supervisor_id = a.operator_id AND coalesce(a.total_minor >= p.smallest_minor, true)
),
others AS (
  SELECT o.event_id, n.supervisor_id, n.event_id AS approved_id, (o.event_us - n.event_us) / 60000000 AS minutes,
         row_number() OVER (PARTITION BY o.event_id ORDER BY n.event_us DESC, n.event_id) AS nth
  FROM own o
  JOIN pos n ON n.tenant_id = o.tenant_id AND n.store_id = o.store_id
            AND n.event_us BETWEEN o.event_us - o.within_seconds * 1000000 AND o.event_us
            AND n.supervisor_id <> o.operator_id AND n.supervisor_id <> coalesce(n.operator_id, '')
            AND NOT n.training AND NOT n.test
)
SELECT o.event_id AS anchor_id,
       CASE WHEN n.event_id IS NULL THEN 'silent' WHEN o.total_minor IS NULL THEN 'indeterminate' ELSE 'fired' END AS outcome,
       CASE WHEN n.event_id IS NULL THEN 'nobody_else_approves'
            WHEN o.total_minor IS NULL THEN 'missing_total_minor' ELSE 'approved_by_oneself' END AS why,
       o.total_minor AS amount_minor, n.approved_id AS members, n.supervisor_id AS other_approver,
       n.minutes AS minutes_before
FROM own o
LEFT JOIN others n ON n.event_id = o.event_id AND n.nth = 1
