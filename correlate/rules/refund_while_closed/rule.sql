WITH opening AS (
  SELECT a.event_id, a.event_us, a.total_minor, max(p.grace_seconds) AS grace_seconds,
         max(CASE WHEN h.kind = 'OPEN' THEN h.event_us END) AS opened_us,
         max(CASE WHEN h.kind = 'CLOSE' THEN h.event_us END) AS closed_us
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  JOIN pos h ON h.tenant_id = a.tenant_id AND h.store_id = a.store_id AND h.register_id = a.register_id
            AND h.kind IN ('OPEN', 'CLOSE') AND NOT h.training AND NOT h.test
            AND h.event_us BETWEEN a.event_us - 86400000000 AND a.event_us
  WHERE NOT a.training AND NOT a.test AND a.total_minor >= p.smallest_minor
  GROUP BY a.event_id, a.event_us, a.total_minor
),
closings AS (
  SELECT o.event_id, string_agg(c.event_id, ',' ORDER BY c.event_us, c.event_id) AS members
  FROM opening o
  JOIN anchor a ON a.event_id = o.event_id
  JOIN pos c ON c.tenant_id = a.tenant_id AND c.store_id = a.store_id AND c.register_id = a.register_id
            AND c.kind = 'CLOSE' AND NOT c.training AND NOT c.test
            AND c.event_us BETWEEN a.event_us - 86400000000 AND a.event_us
  WHERE c.event_us > o.opened_us
  GROUP BY o.event_id
)
SELECT o.event_id AS anchor_id,
       CASE WHEN o.event_us - o.closed_us > o.grace_seconds * 1000000 THEN 'fired' ELSE 'silent' END AS outcome,
       CASE WHEN o.event_us - o.closed_us > o.grace_seconds * 1000000 THEN 'register_closed' ELSE 'just_closed' END AS why,
       o.total_minor AS amount_minor, c.members, (o.event_us - o.closed_us) / 60000000 AS minutes_closed
FROM opening o
JOIN closings c ON c.event_id = o.event_id
