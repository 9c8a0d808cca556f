WITH both_at_once AS (
  SELECT a.event_id, o.event_id AS other_id, o.register_id AS other_register,
         (o.event_us - greatest(a.begin_us, o.begin_us)) / 1000000 AS overlap_seconds,
         row_number() OVER (PARTITION BY a.event_id ORDER BY o.event_us DESC, o.event_id) AS nth
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  JOIN pos o ON o.tenant_id = a.tenant_id AND o.store_id = a.store_id AND o.operator_id = a.operator_id
            AND o.register_id <> a.register_id AND o.kind = 'SALE' AND NOT o.training AND NOT o.test
            AND o.event_us BETWEEN a.event_us - 3600000000 AND a.event_us
            AND o.event_us > a.begin_us + p.overlap_seconds * 1000000 AND o.event_us > o.begin_us + p.overlap_seconds * 1000000
            AND (o.event_us < a.event_us OR o.event_id < a.event_id)
  WHERE NOT a.training AND NOT a.test
),
registers AS (
  SELECT a.event_id, count(DISTINCT n.register_id) AS registers
  FROM both_at_once b
  JOIN anchor a ON a.event_id = b.event_id
  JOIN pos n ON n.tenant_id = a.tenant_id AND n.store_id = a.store_id AND n.operator_id = a.operator_id
            AND n.kind = 'SALE' AND NOT n.training AND NOT n.test
            AND n.event_us BETWEEN a.event_us - 3600000000 AND a.event_us
  WHERE b.nth = 1
  GROUP BY a.event_id
)
SELECT b.event_id AS anchor_id,
       CASE WHEN r.registers > 2 THEN 'silent' ELSE 'fired' END AS outcome,
       CASE WHEN r.registers > 2 THEN 'attends_several' ELSE 'at_two_registers' END AS why,
       b.other_id AS members, b.other_register, b.overlap_seconds
FROM both_at_once b
JOIN registers r ON r.event_id = b.event_id
WHERE b.nth = 1
