WITH closed AS (
  SELECT a.event_id, max(c.event_us) AS before_us
  FROM anchor a
  JOIN pos c ON c.tenant_id = a.tenant_id AND c.store_id = a.store_id AND c.register_id = a.register_id
            AND c.kind = 'CLOSE' AND NOT c.training AND NOT c.test
            AND c.event_us >= a.event_us - 86400000000 AND c.event_us < a.event_us
  GROUP BY a.event_id
),
parked AS (
  SELECT a.event_id, a.tenant_id, a.store_id, a.event_us AS closed_us, s.event_id AS parked_id, s.event_us AS parked_us,
         s.register_id, s.receipt_no, s.sequence_no, s.business_day, s.total_minor
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  LEFT JOIN closed c ON c.event_id = a.event_id
  JOIN pos s ON s.tenant_id = a.tenant_id AND s.store_id = a.store_id AND s.register_id = a.register_id
            AND s.kind = 'SUSPEND' AND NOT s.training AND NOT s.test
            AND s.event_us > coalesce(c.before_us, a.event_us - 86400000000)
            AND s.event_us <= a.event_us - p.settle_seconds * 1000000
            AND coalesce(s.total_minor >= p.smallest_minor, true)
  WHERE NOT a.training AND NOT a.test
),
named AS (
  SELECT p.event_id, p.parked_id, count(r.event_id) AS records
  FROM parked p
  JOIN pos r ON r.tenant_id = p.tenant_id AND r.store_id = p.store_id AND r.event_us BETWEEN p.parked_us AND p.closed_us
            AND (r.reference_event_id = p.parked_id
                 OR (r.reference_register_id = p.register_id AND r.reference_receipt_no = p.receipt_no)
                 OR (r.reference_register_id = p.register_id AND r.reference_sequence_no = p.sequence_no
                     AND coalesce(r.reference_business_day = p.business_day, true)))
  GROUP BY p.event_id, p.parked_id
),
unnamed AS (
  SELECT p.event_id, count(r.event_id) AS records
  FROM parked p
  JOIN pos r ON r.tenant_id = p.tenant_id AND r.store_id = p.store_id AND r.event_us BETWEEN p.parked_us AND p.closed_us
            AND r.kind = 'RETRIEVE' AND NOT r.training AND NOT r.test AND r.reference_event_id IS NULL
            AND r.reference_receipt_no IS NULL AND r.reference_sequence_no IS NULL
  GROUP BY p.event_id
),
left_over AS (
  SELECT p.event_id, count(p.total_minor) AS parked, sum(p.total_minor) AS amount_minor,
         string_agg(p.parked_id, ',' ORDER BY p.parked_us, p.parked_id) AS members, coalesce(max(u.records), 0) AS unnamed
  FROM parked p
  LEFT JOIN named n ON n.event_id = p.event_id AND n.parked_id = p.parked_id
  LEFT JOIN unnamed u ON u.event_id = p.event_id
  WHERE n.parked_id IS NULL
  GROUP BY p.event_id
),
closings AS (
  SELECT DISTINCT event_id FROM parked
)
SELECT c.event_id AS anchor_id,
       CASE WHEN l.event_id IS NULL THEN 'silent' WHEN l.unnamed > 0 OR l.parked = 0 THEN 'indeterminate'
            ELSE 'fired' END AS outcome,
       CASE WHEN l.event_id IS NULL THEN 'all_resumed' WHEN l.unnamed > 0 THEN 'missing_reference'
            WHEN l.parked = 0 THEN 'missing_total_minor' ELSE 'never_resumed' END AS why,
       l.amount_minor, l.members,
       concat(CAST(l.parked AS VARCHAR), CASE WHEN l.parked = 1 THEN ' parked sale' ELSE ' parked sales' END) AS parked
FROM closings c
LEFT JOIN left_over l ON l.event_id = c.event_id
