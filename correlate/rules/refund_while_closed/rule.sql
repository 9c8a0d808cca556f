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
)
SELECT event_id AS anchor_id,
       CASE WHEN event_us - closed_us > grace_seconds * 1000000 THEN 'fired' ELSE 'silent' END AS outcome,
       CASE WHEN event_us - closed_us > grace_seconds * 1000000 THEN 'register_closed' ELSE 'just_closed' END AS why,
       total_minor AS amount_minor, (event_us - closed_us) / 60000000 AS minutes_closed
FROM opening
WHERE closed_us > opened_us
