WITH closed AS (
  SELECT a.event_id, max(c.event_us) AS before_us
  FROM anchor a
  JOIN pos c ON c.tenant_id = a.tenant_id AND c.store_id = a.store_id AND c.register_id = a.register_id
            AND c.kind = 'CLOSE' AND NOT c.training AND NOT c.test
            AND c.event_us >= a.event_us - 86400000000 AND c.event_us < a.event_us
  GROUP BY a.event_id
),
taken AS (
  SELECT a.event_id, a.tenant_id, a.store_id, a.event_us AS closed_us, p.within_seconds, k.event_id AS pickup_id,
         k.event_us AS taken_us, k.total_minor, k.operator_id
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  LEFT JOIN closed c ON c.event_id = a.event_id
  JOIN pos k ON k.tenant_id = a.tenant_id AND k.store_id = a.store_id AND k.register_id = a.register_id
            AND k.kind = 'PICKUP' AND NOT k.training AND NOT k.test AND coalesce(k.total_minor >= p.smallest_minor, true)
            AND k.event_us > coalesce(c.before_us, a.event_us - 86400000000)
            AND k.event_us <= a.event_us - p.within_seconds * 1000000
  WHERE NOT a.training AND NOT a.test
),
dropped AS (
  SELECT t.event_id, t.pickup_id, sum(coalesce(d.total_minor, t.total_minor, 0)) AS dropped_minor
  FROM taken t
  JOIN pos d ON d.tenant_id = t.tenant_id AND d.store_id = t.store_id AND d.kind = 'SAFE_DROP' AND NOT d.training AND NOT d.test
            AND d.event_us BETWEEN t.taken_us AND t.closed_us AND d.event_us <= t.taken_us + t.within_seconds * 1000000
  GROUP BY t.event_id, t.pickup_id
),
booked AS (
  SELECT a.event_id, count(d.event_id) AS drops
  FROM anchor a
  JOIN pos d ON d.tenant_id = a.tenant_id AND d.store_id = a.store_id AND d.kind = 'SAFE_DROP' AND NOT d.training AND NOT d.test
            AND d.event_us BETWEEN a.event_us - 86400000000 AND a.event_us
  GROUP BY a.event_id
),
missing AS (
  SELECT t.event_id, t.within_seconds, count(t.pickup_id) AS pickups, count(t.total_minor) AS known,
         sum(t.total_minor - coalesce(d.dropped_minor, 0)) AS amount_minor, max(t.operator_id) AS picked_by,
         string_agg(t.pickup_id, ',' ORDER BY t.taken_us, t.pickup_id) AS members
  FROM taken t
  LEFT JOIN dropped d ON d.event_id = t.event_id AND d.pickup_id = t.pickup_id
  WHERE coalesce(d.dropped_minor < t.total_minor, d.dropped_minor IS NULL)
  GROUP BY t.event_id, t.within_seconds
),
closings AS (
  SELECT DISTINCT event_id FROM taken
)
SELECT c.event_id AS anchor_id,
       CASE WHEN m.event_id IS NULL THEN 'silent' WHEN b.event_id IS NULL OR m.known = 0 THEN 'indeterminate' ELSE 'fired' END AS outcome,
       CASE WHEN m.event_id IS NULL THEN 'all_in_the_safe' WHEN b.event_id IS NULL THEN 'no_safe_drops' WHEN m.known = 0 THEN 'missing_total_minor'
            ELSE 'not_in_the_safe' END AS why,
       m.amount_minor, m.members, m.within_seconds / 60 AS within_minutes, coalesce(m.picked_by, 'unknown') AS picked_by,
       concat(CAST(m.pickups AS VARCHAR), CASE WHEN m.pickups = 1 THEN ' pickup' ELSE ' pickups' END) AS pickups
FROM closings c
LEFT JOIN missing m ON m.event_id = c.event_id
LEFT JOIN booked b ON b.event_id = c.event_id
