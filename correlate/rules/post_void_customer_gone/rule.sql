WITH voided AS (
  SELECT a.event_id, a.tenant_id, a.store_id, a.register_id, a.customer_zones, p.smallest_minor,
         s.event_id AS sale_id, s.total_minor, s.receipt_no, (a.event_us - s.event_us) / 60000000 AS minutes,
         a.camera_begin_us - p.margin_ms * 1000 - a.clock_bound_us AS from_us,
         a.camera_end_us + p.margin_ms * 1000 + a.clock_bound_us AS to_us,
         greatest(s.begin_us, a.event_us - 2300000000) + a.camera_end_us - a.event_us AS sale_from_us,
         s.event_us + a.camera_end_us - a.event_us AS sale_to_us,
         row_number() OVER (PARTITION BY a.event_id ORDER BY s.event_us DESC, s.event_id) AS nth
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  JOIN pos s ON s.tenant_id = a.tenant_id AND s.store_id = a.store_id AND s.kind = 'SALE'
            AND s.register_id = a.register_id
            AND s.event_us BETWEEN a.event_us - p.within_seconds * 1000000 AND a.event_us
            AND (s.event_id = a.reference_event_id
                 OR (s.register_id = a.reference_register_id AND s.receipt_no = a.reference_receipt_no)
                 OR (s.register_id = a.reference_register_id AND s.sequence_no = a.reference_sequence_no
                     AND s.business_day = a.reference_business_day))
  WHERE NOT a.training AND NOT a.test AND NOT s.training AND NOT s.test
),
cash AS (
  SELECT v.event_id, sum(t.amount_minor - t.change_minor) AS cash_minor
  FROM voided v
  JOIN tenders t ON t.event_id = v.sale_id AND t.tender_type = 'CASH' AND t.direction = 'IN'
  WHERE v.nth = 1
  GROUP BY v.event_id
),
looked AS (
  SELECT v.event_id, v.tenant_id, v.store_id, v.register_id, v.customer_zones, v.sale_id, v.total_minor, v.receipt_no,
         v.minutes, v.from_us, v.to_us, v.sale_from_us - 1000000 AS sale_from_us, v.sale_to_us + 1000000 AS sale_to_us
  FROM voided v
  JOIN cash c ON c.event_id = v.event_id
  WHERE v.nth = 1 AND coalesce(v.total_minor >= v.smallest_minor, true)
),
seen AS (
  SELECT l.event_id,
         sum(CASE WHEN s.state = 'present' THEN least(s.end_us, l.to_us) - greatest(s.start_us, l.from_us) ELSE 0 END) AS present_us,
         sum(CASE WHEN s.state = 'absent' THEN least(s.end_us, l.to_us) - greatest(s.start_us, l.from_us) ELSE 0 END) AS absent_us,
         max(s.blind) AS blind
  FROM looked l
  JOIN presence s ON s.tenant_id = l.tenant_id AND s.store_id = l.store_id AND s.register_id = l.register_id
                 AND s.zone_kind = 'customer' AND s.start_us < l.to_us AND s.end_us > l.from_us
  GROUP BY l.event_id
),
at_sale AS (
  SELECT l.event_id,
         sum(CASE WHEN s.state = 'present' THEN 1 ELSE 0 END) AS present,
         sum(CASE WHEN s.state = 'absent' THEN least(s.end_us, l.sale_to_us) - greatest(s.start_us, l.sale_from_us) ELSE 0 END) AS absent_us
  FROM looked l
  JOIN presence s ON s.tenant_id = l.tenant_id AND s.store_id = l.store_id AND s.register_id = l.register_id
                 AND s.zone_kind = 'customer' AND s.start_us < l.sale_to_us AND s.end_us > l.sale_from_us
  GROUP BY l.event_id
),
weighed AS (
  SELECT l.event_id, l.sale_id, l.total_minor, l.receipt_no, l.minutes, (l.to_us - l.from_us) / 1000000 AS seconds,
         CASE WHEN coalesce(s.present_us, 0) > 0 THEN 'customer_present'
              WHEN l.total_minor IS NULL THEN 'missing_total_minor'
              WHEN l.customer_zones = 0 THEN 'no_camera'
              WHEN s.event_id IS NULL THEN 'no_presence'
              WHEN s.absent_us < l.customer_zones * (l.to_us - l.from_us) THEN concat('camera_', coalesce(s.blind, 'blind'))
              WHEN coalesce(b.present, 0) > 0 THEN 'customer_gone'
              WHEN b.absent_us >= l.customer_zones * (l.sale_to_us - l.sale_from_us) THEN 'nobody_at_sale'
              ELSE 'sale_not_seen' END AS why
  FROM looked l
  LEFT JOIN seen s ON s.event_id = l.event_id
  LEFT JOIN at_sale b ON b.event_id = l.event_id
)
SELECT event_id AS anchor_id,
       CASE WHEN why = 'customer_gone' THEN 'fired'
            WHEN why IN ('customer_present', 'nobody_at_sale') THEN 'silent'
            ELSE 'indeterminate' END AS outcome,
       why, total_minor AS amount_minor, sale_id AS members, minutes AS minutes_since_sale,
       coalesce(receipt_no, 'without a number') AS sale_receipt, seconds AS looked_seconds
FROM weighed
