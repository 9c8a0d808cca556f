WITH looked AS (
  SELECT a.event_id, a.tenant_id, a.store_id, a.register_id, a.customer_zones, p.present_seconds * 1000000 AS enough_us,
         a.camera_begin_us + a.clock_bound_us AS from_us, a.camera_end_us - a.clock_bound_us AS to_us
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  WHERE a.training AND NOT a.test
),
by_zone AS (
  SELECT l.event_id, s.zone_id,
         sum(CASE WHEN s.state = 'present' THEN least(s.end_us, l.to_us) - greatest(s.start_us, l.from_us) ELSE 0 END) AS present_us,
         sum(CASE WHEN s.state <> 'unknown' THEN least(s.end_us, l.to_us) - greatest(s.start_us, l.from_us) ELSE 0 END) AS known_us,
         max(s.blind) AS blind
  FROM looked l
  JOIN presence s ON s.tenant_id = l.tenant_id AND s.store_id = l.store_id AND s.register_id = l.register_id
                 AND s.zone_kind = 'customer' AND s.start_us < l.to_us AND s.end_us > l.from_us
  GROUP BY l.event_id, s.zone_id
),
seen AS (
  SELECT event_id, max(present_us) AS present_us, sum(known_us) AS known_us, max(blind) AS blind
  FROM by_zone
  GROUP BY event_id
)
SELECT l.event_id AS anchor_id,
       CASE WHEN s.present_us >= l.enough_us THEN 'fired'
            WHEN l.to_us - l.from_us < l.enough_us THEN 'silent'
            WHEN l.customer_zones > 0 AND s.known_us >= l.customer_zones * (l.to_us - l.from_us) THEN 'silent'
            ELSE 'indeterminate' END AS outcome,
       CASE WHEN s.present_us >= l.enough_us THEN 'customer_present'
            WHEN l.to_us - l.from_us < l.enough_us THEN 'too_short'
            WHEN l.customer_zones = 0 THEN 'no_camera'
            WHEN s.event_id IS NULL THEN 'no_presence'
            WHEN s.known_us >= l.customer_zones * (l.to_us - l.from_us) THEN 'nobody_there'
            ELSE concat('camera_', coalesce(s.blind, 'blind')) END AS why,
       s.present_us / 1000000 AS present_seconds
FROM looked l
LEFT JOIN seen s ON s.event_id = l.event_id
