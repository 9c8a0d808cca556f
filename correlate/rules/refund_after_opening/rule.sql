WITH opened AS (
  SELECT a.event_id, a.event_us, a.total_minor, max(o.event_us) AS opened_us,
         string_agg(o.event_id, ',' ORDER BY o.event_us, o.event_id) AS members
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  JOIN pos o ON o.tenant_id = a.tenant_id AND o.store_id = a.store_id AND o.register_id = a.register_id
            AND o.kind = 'OPEN' AND NOT o.training AND NOT o.test
            AND o.event_us BETWEEN a.event_us - p.within_seconds * 1000000 AND a.event_us
  WHERE NOT a.training AND NOT a.test AND coalesce(a.supervisor_id = a.operator_id, true) AND a.total_minor >= p.smallest_minor
  GROUP BY a.event_id, a.event_us, a.total_minor
)
SELECT event_id AS anchor_id, 'fired' AS outcome, 'just_opened' AS why, total_minor AS amount_minor, members,
       (event_us - opened_us) / 60000000 AS minutes_open
FROM opened
