WITH looked AS (
  SELECT a.event_id, a.tenant_id, a.store_id, a.register_id, a.cashier_zones,
         a.camera_begin_us - p.margin_ms * 1000 - a.clock_bound_us AS from_us,
         a.camera_end_us + p.margin_ms * 1000 + a.clock_bound_us AS to_us
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  WHERE NOT a.training AND NOT a.test
),
seen AS (
  SELECT l.event_id,
         sum(CASE WHEN s.state = 'present' THEN least(s.end_us, l.to_us) - greatest(s.start_us, l.from_us) ELSE 0 END) AS present_us,
         sum(CASE WHEN s.state = 'absent' THEN least(s.end_us, l.to_us) - greatest(s.start_us, l.from_us) ELSE 0 END) AS absent_us,
         max(s.blind) AS blind
  FROM looked l
  JOIN presence s ON s.tenant_id = l.tenant_id AND s.store_id = l.store_id AND s.register_id = l.register_id
                 AND s.zone_kind = 'cashier' AND s.start_us < l.to_us AND s.end_us > l.from_us
  GROUP BY l.event_id
)
SELECT l.event_id AS anchor_id,
       CASE WHEN coalesce(s.present_us, 0) > 0 THEN 'silent'
            WHEN l.cashier_zones > 0 AND coalesce(s.absent_us, 0) >= l.cashier_zones * (l.to_us - l.from_us) THEN 'fired'
            ELSE 'indeterminate' END AS outcome,
       CASE WHEN coalesce(s.present_us, 0) > 0 THEN 'cashier_present'
            WHEN l.cashier_zones = 0 THEN 'no_camera'
            WHEN s.event_id IS NULL THEN 'no_presence'
            WHEN s.absent_us >= l.cashier_zones * (l.to_us - l.from_us) THEN 'nobody_there'
            ELSE concat('camera_', coalesce(s.blind, 'blind')) END AS why,
       (l.to_us - l.from_us) / 1000000 AS looked_seconds
FROM looked l
LEFT JOIN seen s ON s.event_id = l.event_id
